//! Resident memory of a loaded tenant, in a process of its own in which no worker drops what lies idle.

use crate::csr;
use crate::ground::{self, Ground, caller};
use crate::inprocess::issuance;
use crate::server;
use anyhow::{Context, Result, bail};
use chancery::Start;
use chancery_app::{Chancery, IssueRequest};
use futures_util::{StreamExt, TryStreamExt};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// Tenants that are loaded before it is measured: more than SQLite files are kept open.
pub(crate) const BEFORE: usize = 500;
/// Tenants that are loaded at once.
const AT_ONCE: usize = 16;

/// The parent's side: bytes that each tenant after the first few adds.
pub(crate) async fn each(ground: &Ground) -> Result<f64> {
    let mut child = server::child("resident", ground)?;
    let mut lines = String::new();
    ground.tenants.iter().for_each(|tenant| lines.push_str(&format!("{} {}\n", tenant.token, tenant.domain)));
    child.stdin.take().context("no input")?.write_all(lines.as_bytes()).await?;
    let mut output = BufReader::new(child.stdout.take().context("no output")?).lines();
    let line = output.next_line().await?.context("the process that loads tenants said nothing")?;
    let bytes = line.parse()?;
    child.wait().await?;
    Ok(bytes)
}

/// The child's side: reads tenants, issues once for each, says how many bytes each held.
pub(crate) async fn load(arguments: &[String]) -> Result<()> {
    let (backend, directory) = server::place(arguments)?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut tenants = Vec::new();
    while let Some(line) = lines.next_line().await? {
        let (token, domain) = line.split_once(' ').context("a tenant is a token and a domain")?;
        tenants.push((token.to_owned(), domain.to_owned()));
    }
    let config = ground::config(&backend, directory);
    let service = chancery::open(&config, config.listen, Start::Again).await?;
    let fresh = csr::fresh(tenants.len(), |place| tenants.get(place).map_or("", |(_, domain)| domain.as_str()))?;
    let requests = tenants.iter().zip(fresh).map(|((token, _), fresh)| Ok((token.as_str(), issuance(fresh.request.der().to_vec())?)));
    let requests = requests.collect::<Result<Vec<_>>>()?;
    let Some((first, others)) = requests.split_at_checked(BEFORE).filter(|(_, others)| !others.is_empty()) else {
        bail!("more than {BEFORE} tenants are needed")
    };
    issue_for(&service, first).await?;
    let before = resident()?;
    issue_for(&service, others).await?;
    let grown = resident()?.saturating_sub(before);
    tokio::io::stdout().write_all(format!("{}\n", grown as f64 / others.len() as f64).as_bytes()).await?;
    tokio::io::stdout().flush().await?;
    Ok(())
}

async fn issue_for(service: &Chancery, requests: &[(&str, IssueRequest)]) -> Result<()> {
    let issuing = requests.iter().map(async |(token, request)| {
        service.issue(&caller(service, token).await?, request).await?;
        Ok::<_, anyhow::Error>(())
    });
    futures_util::stream::iter(issuing).buffer_unordered(AT_ONCE).try_collect().await
}

/// Bytes of this process that are in memory.
fn resident() -> Result<usize> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let resident: usize = pages.split_whitespace().nth(1).context("an unknown form of /proc/self/statm")?.parse()?;
    Ok(resident * rustix::param::page_size())
}
