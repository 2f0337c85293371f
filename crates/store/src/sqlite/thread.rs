//! A store thread: it owns the open files of its tenants and serves their requests turn by turn.

use super::batch;
use super::directory::Directory;
use super::queue::{Queue, Request, Turn};
use crate::{CommitError, StoreError};
use chancery_domain::{TenantId, enforced};
use rusqlite::Connection;
use std::collections::HashMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::SendError;

/// Requests on their way to a thread; more wait in their callers.
const CHANNEL: usize = 256;

/// The handle of a store thread; dropping it lets the thread finish what waits, and waits for it.
pub(super) struct StoreThread {
    requests: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl StoreThread {
    pub(super) fn start(number: usize, directory: Arc<Directory>, open_files: usize) -> Result<Self, StoreError> {
        let (requests, receiver) = mpsc::channel(CHANNEL);
        let files = OpenFiles::new(directory, open_files);
        let thread = std::thread::Builder::new()
            .name(format!("store-{number}"))
            .spawn(move || serve(receiver, files))
            .map_err(|error| StoreError::Unavailable(format!("no thread for the store: {error}")))?;
        Ok(Self { requests: Some(requests), thread: Some(thread) })
    }

    pub(super) async fn send(&self, request: Request) -> Result<(), SendError<Request>> {
        match &self.requests {
            Some(requests) => requests.send(request).await,
            None => Err(SendError(request)),
        }
    }
}

impl Drop for StoreThread {
    fn drop(&mut self) {
        self.requests = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("a store thread panicked");
        }
    }
}

fn serve(mut requests: mpsc::Receiver<Request>, mut files: OpenFiles) {
    let mut queue = Queue::default();
    loop {
        if queue.is_empty() {
            match requests.blocking_recv() {
                Some(request) => queue.push(request),
                None => break,
            }
        }
        // Everything that arrived meanwhile: so a busy tenant's write-sets gather while the one before is made durable.
        while let Ok(request) = requests.try_recv() {
            queue.push(request);
        }
        if let Some((tenant, turn)) = queue.next() {
            files.take_turn(tenant, turn);
        }
    }
}

/// The connections kept open; the one used longest ago makes room.
pub(super) struct OpenFiles {
    directory: Arc<Directory>,
    cap: usize,
    open: HashMap<TenantId, Open>,
    turns: u64,
}

struct Open {
    connection: Connection,
    file: Option<(u64, u64)>,
    last_turn: u64,
}

impl OpenFiles {
    pub(super) fn new(directory: Arc<Directory>, cap: usize) -> Self {
        Self { directory, cap, open: HashMap::new(), turns: 0 }
    }

    pub(super) fn take_turn(&mut self, tenant: TenantId, turn: Turn) {
        for reply in turn.creates {
            // An error to send means that nobody waits any more: here and below.
            let _ = reply.send(self.directory.create_realm(tenant));
        }
        // Nobody waits for the answer: nothing is started.
        let reads: Vec<_> = turn.reads.into_iter().filter(|(_, reply)| !reply.is_closed()).collect();
        let commits: Vec<_> = turn.commits.into_iter().filter(|(_, reply)| !reply.is_closed()).collect();
        if reads.is_empty() && commits.is_empty() {
            return;
        }
        let connection = match self.connection(tenant) {
            Ok(connection) => connection,
            Err(error) => {
                reads.into_iter().for_each(|(_, reply)| drop(reply.send(Err(error.again()))));
                commits.into_iter().for_each(|(_, reply)| drop(reply.send(Err(CommitError::Store(error.again())))));
                return;
            }
        };
        let sound = batch::read(connection, reads);
        if !(batch::commit(connection, commits) && sound) {
            tracing::error!(%tenant, "the file is closed after an error of its medium");
            self.open.remove(&tenant);
        }
    }

    /// Closes all files, as the end of the process does.
    #[cfg(feature = "simulation")]
    pub(super) fn close(&mut self) {
        self.open.clear();
    }

    fn connection(&mut self, tenant: TenantId) -> Result<&mut Connection, StoreError> {
        self.turns += 1;
        let file = self.directory.identity(tenant);
        // What is written into a file that was removed is in no directory, and gone with the process.
        if self.open.get(&tenant).is_some_and(|open| open.file != file && enforced!("file.identity")) {
            tracing::error!(%tenant, "the file was removed or replaced while it was open");
            self.open.remove(&tenant);
        }
        if !self.open.contains_key(&tenant) {
            let connection = self.directory.open_realm(tenant)?;
            if self.open.len() >= self.cap
                && let Some(oldest) = self.open.iter().min_by_key(|(_, open)| open.last_turn).map(|(tenant, _)| *tenant)
            {
                self.open.remove(&oldest);
            }
            self.open.insert(tenant, Open { connection, file, last_turn: self.turns });
        }
        let open = self.open.get_mut(&tenant).ok_or(StoreError::NoRealm)?;
        open.last_turn = self.turns;
        Ok(&mut open.connection)
    }
}
