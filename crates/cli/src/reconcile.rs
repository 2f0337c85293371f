//! `chancery reconcile`: a restored store learns what was published since its backup, and is written again.

use crate::client;
use crate::config::ConfigFlags;
use crate::ended::Ended;
use crate::open::{self, Start};
use crate::output::{self, Form};
use crate::system;
use chancery_app::{PublishedList, Reconciled};
use chancery_x509::pem;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// What is known from outside.
#[derive(clap::Args)]
pub(crate) struct ReconcileArgs {
    /// The folder with the published CRLs, each a file in DER or PEM; of one list several may be there.
    #[arg(long, value_name = "FOLDER")]
    lists: PathBuf,
    /// Go on although lists are missing: what was revoked on those alone since the backup is valid again.
    #[arg(long)]
    incomplete: bool,
    #[command(flatten)]
    config: ConfigFlags,
}

/// Reconciles.
pub(crate) async fn reconcile(args: &ReconcileArgs, form: Form) -> Result<(), Ended> {
    let config = args.config.load()?.config;
    let lists = read(&args.lists)?;
    open::refuse_new(&config).await?;
    let mark = open::open_store(&config, &system::ports()).await?.restored();
    let Some(mark) = mark else {
        return Err(Ended::Usage("this store was not restored, or is reconciled already: there is nothing to do".to_owned()));
    };
    let service = open::open(&config, config.listen, Start::Reconcile).await?;
    let done = client::during("reconciling", service.reconcile(mark, &lists, args.incomplete)).await.map_err(Ended::Reconcile)?;
    output::result(form, &done, shown);
    Ok(())
}

fn shown(done: &Reconciled) -> String {
    let row =
        |tenant: &chancery_app::ReconciledTenant| vec![tenant.tenant.to_string(), tenant.revocations.to_string(), tenant.lists.to_string()];
    let rows = done.tenants.iter().map(row).collect();
    let mut text = output::table(&["tenant", "revocations replayed", "lists published"], rows, "There are no tenants.\n");
    for list in &done.missing {
        let _ = write!(text, "\nMissing, taken as it was in the backup: {list}");
    }
    for tenant in &done.tenants {
        for certificate in &tenant.keys_left {
            let _ = write!(
                text,
                "\nThe key of certificate {certificate} is compromised and not blocked, for tenant {} is suspended: resume it and revoke the \
                 certificate for key-compromise once more",
                tenant.tenant
            );
        }
    }
    for name in &done.unknown {
        let _ = write!(text, "\nBy an issuer made after the backup, whose key is lost: {name}");
    }
    text + "\nReconciled: the store may be written. Start the server again.\n\
        Accounts, roles and tokens are as they were at the backup: revoke again what was revoked since.\n"
}

fn read(folder: &Path) -> Result<Vec<PublishedList>, Ended> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Ended::File { path, source }
    };
    let mut lists = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed(folder))? {
        let path = entry.map_err(failed(folder))?.path();
        if !path.is_file() {
            continue;
        }
        let bytes = std::fs::read(&path).map_err(failed(&path))?;
        let name = path.display().to_string();
        if !pem::is_pem(&bytes) {
            lists.push(PublishedList { name, der: bytes });
            continue;
        }
        let blocks = pem::decode(&String::from_utf8_lossy(&bytes)).map_err(|error| Ended::Usage(format!("{name}: {error}")))?;
        for block in blocks.into_iter().filter(|block| block.label == pem::X509_CRL) {
            lists.push(PublishedList { name: name.clone(), der: block.der.to_vec() });
        }
    }
    Ok(lists)
}
