//! A log in a file, version 1 (docs/audit-log.md), and its verification against checkpoints kept elsewhere: one pass, line by line.

use crate::canon::EventText;
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::edge::Edge;
use crate::leaf::Opening;
use crate::note::VerifierKey;
use chancery_domain::enforced;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Read};

/// The version of the format that is written, and the only one that is read.
pub const EXPORT_VERSION: u32 = 1;
/// A longer line is not read: an event is a few hundred bytes.
const LONGEST_LINE: u64 = 1024 * 1024;

/// The first line of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportHead {
    /// The version of the format.
    pub chancery_log_export: u32,
    /// The tenant's id.
    pub tenant: String,
    /// Which epoch of its log.
    pub epoch: u32,
    /// The signed checkpoint over all lines that follow.
    pub checkpoint: String,
}

/// Each further line: a leaf, opened. Its index is the number of leaves before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportEntry {
    /// The leaf hash, in hexadecimal.
    pub leaf: String,
    /// The salt, in hexadecimal.
    pub salt: String,
    /// The event's canonical JSON, to the byte.
    pub event: String,
}

/// What an export that verifies is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedExport {
    /// The tenant's id, as every event names it.
    pub tenant: String,
    /// Which epoch.
    pub epoch: u32,
    /// The checkpoint over all of it.
    pub checkpoint: Checkpoint,
    /// How many of the checkpoints kept elsewhere it begins with.
    pub outside: usize,
}

/// Why an export is not to be believed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// The first line is not that of an export.
    #[error("not a log export of version {EXPORT_VERSION}: {0}")]
    Head(String),
    /// Its own checkpoint does not hold.
    #[error("the export's checkpoint: {0}")]
    Checkpoint(CheckpointError),
    /// A line is no entry.
    #[error("entry {index}: {reason}")]
    Entry {
        /// The leaf's index.
        index: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Entries are missing at its end, or there are more than were signed.
    #[error("the export has {found} entries and its checkpoint {signed}: it was cut or added to")]
    Count {
        /// How many entries it has.
        found: u64,
        /// How many were signed.
        signed: u64,
    },
    /// The entries are not those that were signed.
    #[error("the first {0} entries do not hash to the root that was signed over them: an entry was changed, put in, left out or moved")]
    Root(u64),
    /// A checkpoint kept elsewhere is of a longer log.
    #[error("a checkpoint kept elsewhere has {outside} entries, the export {found}: its end was cut off, or the log rolled back")]
    Shorter {
        /// How many the checkpoint has.
        outside: u64,
        /// How many the export has.
        found: u64,
    },
    /// A checkpoint kept elsewhere is of the same log with another beginning.
    #[error("a checkpoint kept elsewhere over the first {0} entries has another root: what came before it was changed since")]
    Outside(u64),
}

/// Verifies an export against its log's key, which must not come from the export, and against checkpoints of the log kept elsewhere,
/// whose signatures were verified. Memory is that of a line; time is linear.
pub fn verify_export(input: impl BufRead, log: &VerifierKey, outside: &[Checkpoint]) -> Result<VerifiedExport, ExportError> {
    let mut lines = Lines(input);
    let head = lines.next()?.ok_or_else(|| ExportError::Head("it is empty".to_owned()))?;
    let head: ExportHead = serde_json::from_slice(&head).map_err(|error| ExportError::Head(error.to_string()))?;
    if head.chancery_log_export != EXPORT_VERSION {
        return Err(ExportError::Head(format!("it is of version {}", head.chancery_log_export)));
    }
    let signed = Checkpoint::open(head.checkpoint.as_bytes(), log).map_err(ExportError::Checkpoint)?;
    let mut outside: Vec<_> = outside.iter().filter(|kept| kept.origin == signed.origin).collect();
    outside.sort_by_key(|kept| kept.size);
    let (mut edge, mut passed) = (Edge::default(), 0);
    loop {
        // Those of one size stand together; nothing is kept of an empty log.
        while let Some(kept) = outside.get(passed).filter(|kept| kept.size == edge.size()) {
            if kept.root != edge.root() && enforced!("export.outside") {
                return Err(ExportError::Outside(kept.size));
            }
            passed += 1;
        }
        let Some(line) = lines.next()? else { break };
        let index = edge.size();
        let leaf = entry(&line, &head.tenant).map_err(|reason| ExportError::Entry { index, reason })?;
        edge.append_one(leaf);
    }
    if edge.size() != signed.size && enforced!("export.count") {
        return Err(ExportError::Count { found: edge.size(), signed: signed.size });
    }
    if edge.root() != signed.root && enforced!("export.root") {
        return Err(ExportError::Root(signed.size));
    }
    match outside.get(passed) {
        Some(kept) if enforced!("export.shorter") => Err(ExportError::Shorter { outside: kept.size, found: edge.size() }),
        _ => Ok(VerifiedExport { tenant: head.tenant, epoch: head.epoch, checkpoint: signed, outside: passed }),
    }
}

/// The leaf of an entry, if salt and event make it and the event is the tenant's own.
fn entry(line: &[u8], tenant: &str) -> Result<[u8; 32], String> {
    let entry: ExportEntry = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let [leaf, salt] = [&entry.leaf, &entry.salt].map(|text| unhex(text));
    let (Some(leaf), Some(salt)) = (leaf, salt) else { return Err("leaf and salt are 64 hexadecimal digits each".to_owned()) };
    if (Opening { salt: &salt, canonical: entry.event.as_bytes() }).leaf() != leaf && enforced!("export.leaf") {
        return Err("its salt and event do not make its leaf: one of them was changed".to_owned());
    }
    let event: EventText = serde_json::from_str(&entry.event).map_err(|error| format!("its event: {error}"))?;
    if event.tenant != tenant && enforced!("export.tenant") { Err(format!("its event is of tenant {}", event.tenant)) } else { Ok(leaf) }
}

/// 32 bytes in lower case, the one spelling.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let digit = |byte: &u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    for (to, [high, low]) in bytes.iter_mut().zip(pairs) {
        *to = digit(high)? << 4 | digit(low)?;
    }
    Some(bytes)
}

/// Lines of bounded length, each with its end.
struct Lines<R>(R);

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<Option<Vec<u8>>, std::io::Error> {
        let mut line = Vec::with_capacity(1024);
        let read = (&mut self.0).take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        match line.pop() {
            None => Ok(None),
            Some(b'\n') => Ok(Some(line)),
            Some(_) => {
                let reason = if read as u64 == LONGEST_LINE { "a line is longer than 1 MiB" } else { "the last line does not end" };
                Err(std::io::Error::new(std::io::ErrorKind::InvalidData, reason))
            }
        }
    }
}
