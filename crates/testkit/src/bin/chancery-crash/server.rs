//! The product's own binary as a process of its own, told where to kill itself or killed from outside.

use crate::database::Place;
use anyhow::{Context, Result};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

/// The signal of `abort`, by which a kill point ends the process.
const ABORTED: i32 = 6;
/// A server that does not start in this time never will.
const START: Duration = Duration::from_secs(60);

/// A running server.
pub(crate) struct Server {
    child: Child,
    /// Its base URL.
    pub(crate) url: String,
    log: Arc<Mutex<Vec<String>>>,
}

/// How a start ended.
pub(crate) enum Started {
    Up(Server),
    /// At its kill point, before it served.
    Killed,
    /// By itself; what it said.
    Failed(String),
}

/// What `chancery init` came to.
pub(crate) enum Initialised {
    Token(String),
    Killed,
    Failed(String),
}

fn command(place: &Place, word: &str, kill: Option<(&str, usize)>) -> Result<Command> {
    let own = std::env::current_exe()?;
    let mut command = Command::new(own.with_file_name("chancery"));
    command.arg(word).env_clear().envs(place.variables()).kill_on_drop(true).stdin(Stdio::null());
    if let Some((point, nth)) = kill {
        command.env("CHANCERY_KILL", format!("{point}:{nth}"));
    }
    Ok(command)
}

/// Runs `chancery init`.
pub(crate) async fn init(place: &Place, kill: Option<&str>) -> Result<Initialised> {
    let output = command(place, "init", kill.map(|point| (point, 1)))?.arg("--json").output().await?;
    if output.status.signal() == Some(ABORTED) {
        return Ok(Initialised::Killed);
    }
    if !output.status.success() {
        return Ok(Initialised::Failed(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let done: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    Ok(Initialised::Token(done["bootstrap_token"].as_str().context("no bootstrap token")?.to_owned()))
}

impl Server {
    /// Starts it and waits until it serves; `fault` is turned on in it.
    pub(crate) async fn start(place: &Place, kill: Option<(&str, usize)>, fault: Option<&str>) -> Result<Started> {
        let mut command = command(place, "serve", kill)?;
        if let Some(fault) = fault {
            // Each variable knows its own names: the other one turns nothing on.
            command.env("CHANCERY_BROKEN", fault).env("CHANCERY_MUTANT", fault);
        }
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        let mut lines = BufReader::new(child.stderr.take().context("its log is piped")?).lines();
        let log = Arc::default();
        let found = tokio::time::timeout(START, address(&mut lines, &log)).await.context("the server did not start in time")??;
        let Some(url) = found else {
            let status = child.wait().await?;
            return Ok(if status.signal() == Some(ABORTED) {
                Started::Killed
            } else {
                Started::Failed(format!("{status}: {}", tail(&log)))
            });
        };
        let kept = Arc::clone(&log);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                keep(&kept, line);
            }
        });
        Ok(Started::Up(Self { child, url, log }))
    }

    /// SIGKILL.
    pub(crate) async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Waits for its end at its kill point: `None` when it is still alive after that time, otherwise whether it ended by itself there.
    pub(crate) async fn ends_within(&mut self, time: Duration) -> Result<Option<bool>> {
        match tokio::time::timeout(time, self.child.wait()).await {
            Err(_) => Ok(None),
            Ok(status) => Ok(Some(is_kill(status?))),
        }
    }

    /// An orderly end.
    pub(crate) async fn stop(mut self) -> Result<Option<String>> {
        let id = self.child.id().context("the server has ended")?.to_string();
        Command::new("kill").args(["-TERM", &id]).status().await?;
        let status = self.child.wait().await?;
        Ok((!status.success()).then(|| format!("the server ended with {status}: {}", self.said())))
    }

    /// The end of its log.
    pub(crate) fn said(&self) -> String {
        tail(&self.log)
    }
}

fn is_kill(status: ExitStatus) -> bool {
    status.signal() == Some(ABORTED)
}

async fn address(lines: &mut Lines<BufReader<ChildStderr>>, log: &Mutex<Vec<String>>) -> Result<Option<String>> {
    while let Some(line) = lines.next_line().await? {
        let address = line.split_once("\"address\":\"").and_then(|(_, rest)| rest.split_once('"')).map(|(address, _)| address.to_owned());
        keep(log, line);
        if address.is_some() {
            return Ok(address);
        }
    }
    Ok(None)
}

fn keep(log: &Mutex<Vec<String>>, line: String) {
    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
    if log.len() >= 20 {
        log.remove(0);
    }
    log.push(line);
}

fn tail(log: &Mutex<Vec<String>>) -> String {
    log.lock().unwrap_or_else(PoisonError::into_inner).join("\n    ")
}
