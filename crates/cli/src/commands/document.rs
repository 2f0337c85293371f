//! `chancery document`: documents, their versions, and the signatures of each.

use super::{PageArgs, ServerArgs, query};
use crate::ended::Ended;
use crate::output::{self, Form};
use chancery_domain::DocumentId;
use chancery_http::api::documents::{ChainDocument, DocumentDocument, DocumentPage, VersionSignatureDocument};
use clap::Subcommand;

/// Documents.
#[derive(clap::Args)]
pub(crate) struct DocumentArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: DocumentCommand,
}

#[derive(Subcommand)]
enum DocumentCommand {
    /// List the documents of which versions were signed, newest first.
    #[command(after_help = "Examples:\n  chancery document list\n  chancery document list --name contract-17 --json")]
    List {
        /// Only the one of this name.
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Show a document and the signatures of its versions, newest first.
    #[command(after_help = "Examples:\n  chancery document show 01a3185c-500a-7e7b-a90c-10ddb5361929")]
    Show {
        /// The document's id.
        document: DocumentId,
        /// At most so many, 1 to 200.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
        /// Go on where the page before ended: its `next`.
        #[arg(long, value_name = "PLACE")]
        before: Option<u32>,
    },
}

pub(crate) async fn document(args: DocumentArgs, form: Form) -> Result<(), Ended> {
    let desk = args.server.desk(form)?;
    match args.command {
        DocumentCommand::List { name, page } => {
            let [limit, cursor] = page.parameters();
            let found: DocumentPage = desk.own(&format!("/documents{}", query(&[("name", name), limit, cursor]))).await?;
            let row = |document: &DocumentDocument| {
                let newest = document.newest.version.to_string();
                vec![document.id.clone(), document.name.clone(), newest, document.newest.digest.clone()]
            };
            desk.show(&found, |found| {
                output::table(&["id", "name", "newest", "digest"], found.items.iter().map(row).collect(), "No documents.")
            });
            desk.more(found.next.as_ref());
        }
        DocumentCommand::Show { document, limit, before } => {
            let page = query(&[("limit", Some(limit.to_string())), ("before", before.map(|place| place.to_string()))]);
            let found: ChainDocument = desk.own(&format!("/documents/{document}{page}")).await?;
            desk.show(&found, shown);
            if let Some(place) = found.next {
                desk.note(&format!("There is more: --before {place}"));
            }
        }
    }
    Ok(())
}

fn shown(chain: &ChainDocument) -> String {
    let newest = chain.document.newest.version.to_string();
    let head = output::fields(&[("document", &chain.document.id), ("name", &chain.document.name), ("newest version", &newest)]);
    let row = |signed: &VersionSignatureDocument| {
        let state = if signed.signature.withdrawn_by.is_some() { "withdrawn" } else { "" };
        let (version, signature) = (signed.version.to_string(), &signed.signature);
        vec![version, signed.digest.clone(), signature.id.clone(), signature.signer.clone(), signature.created_at.clone(), state.to_owned()]
    };
    let rows = chain.items.iter().map(row).collect();
    format!("{head}\n{}", output::table(&["version", "digest", "signature", "signer", "at", ""], rows, ""))
}
