//! `chancery order`: requests for certificates and what became of them.

use super::{PageArgs, ServerArgs, query};
use crate::ended::Ended;
use crate::output::{self, Form};
use chancery_domain::OrderId;
use chancery_http::api::orders::{OrderDocument, OrderPage};
use clap::Subcommand;

/// Orders.
#[derive(clap::Args)]
pub(crate) struct OrderArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: OrderCommand,
}

#[derive(Subcommand)]
enum OrderCommand {
    /// List the orders, newest first.
    #[command(after_help = "Examples:\n  chancery order list --limit 10")]
    List(PageArgs),
    /// Show an order.
    #[command(after_help = "Examples:\n  chancery order show 01a1fbc9-52e2-70be-baf1-aae10c3b2270")]
    Show {
        /// The order's id.
        order: OrderId,
    },
}

pub(crate) async fn order(args: OrderArgs, form: Form) -> Result<(), Ended> {
    let desk = args.server.desk(form)?;
    match args.command {
        OrderCommand::List(page) => {
            let page: OrderPage = desk.own(&format!("/orders{}", query(&page.parameters()))).await?;
            desk.show(&page, |page| {
                let row = |row: &OrderDocument| {
                    vec![
                        row.id.clone(),
                        row.state.clone(),
                        row.profile.clone(),
                        row.certificate.clone().unwrap_or_default(),
                        row.created_at.clone(),
                    ]
                };
                output::table(&["id", "state", "profile", "certificate", "asked"], page.items.iter().map(row).collect(), "No orders.")
            });
            desk.more(page.next.as_ref());
        }
        OrderCommand::Show { order } => desk.show(&desk.own(&format!("/orders/{order}")).await?, |order: &OrderDocument| {
            output::fields(&[
                ("id", &order.id),
                ("state", &order.state),
                ("profile", &format!("{} version {}", order.profile, order.policy_version)),
                ("asked by", &order.requester),
                ("asked", &order.created_at),
                ("certificate", order.certificate.as_deref().unwrap_or_default()),
                ("request", &order.request.to_string()),
            ])
        }),
    }
    Ok(())
}
