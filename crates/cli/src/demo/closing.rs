//! What stays when the story is told: a server that runs, and ready lines to try.

use super::story::Story;
use super::{DemoError, Folder};
use crate::output;

/// Prints what to try, with tokens in files that only this user reads.
pub(super) fn what_next(url: &str, folder: &Folder, story: &Story) -> Result<(), DemoError> {
    let file = |member: &str, token: &str| -> Result<String, DemoError> {
        let path = folder.path().join(format!("{member}.token"));
        folder.write(&path, token)?;
        Ok(path.display().to_string())
    };
    let operator = file("operator", &story.operator.token)?;
    let bank = file(story.bank.slug, &story.bank.admin.token)?;
    let labs = file(story.labs.slug, &story.labs.admin.token)?;
    let tenant = format!("{url}/v1/tenants/{}", story.bank.admin.tenant);
    let bearer = format!("-H \"Authorization: Bearer $(cat {bank})\"");
    let (own, foreign) = (&story.renewed.id, &story.foreign.id);
    let name = format!("shop.{}", story.bank.domain);
    let end = match folder {
        Folder::Temporary(_) => "removed at the end",
        Folder::Given(_) => "kept; `chancery serve` refuses it",
    };
    output::line(&format!(
        "\nThe server stays up at {url}. Try, in another shell:\n\n\
         # a certificate over a key that the server makes\n\
         curl -s {bearer} -H 'Content-Type: application/json' {tenant}/certificates \\\n\
         \x20 -d '{{\"profile\":\"tls-server\",\"names\":[\"{name}\"]}}'\n\n\
         # the renewed certificate with its chain, and the tenant's audit trail\n\
         curl -s {bearer} {tenant}/certificates/{own}/pem\n\
         curl -s {bearer} {tenant}/events\n\n\
         # a certificate of the other tenant: 404\n\
         curl -si {bearer} {tenant}/certificates/{foreign}\n\n\
         # anybody may fetch a CRL\n\
         curl -s {crl} | openssl crl -inform DER -noout -text\n\n\
         # the same from the command line; `cargo run --release --` stands for `chancery` in a checkout\n\
         export CHANCERY_URL={url}\n\
         chancery cert list --token-file {labs}\n\
         chancery tenant list --token-file {operator}\n\n\
         The API: {url}/openapi.json. The data lies in {folder} ({end}).\n\
         The tokens expire in a day. Stop with Ctrl-C.",
        crl = story.renewed.crl_url.as_deref().unwrap_or_default(),
        folder = folder.path().display(),
    ));
    Ok(())
}
