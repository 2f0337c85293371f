//! Checkpoints (C2SP tlog-checkpoint): which log, how long, and its root; and inclusion proofs in a file (C2SP tlog-proof).

use crate::merkle::{Hash, LONGEST_PROOF, ProofError, verify_inclusion};
use crate::note::{KeyKind, Note, NoteError, VerifierKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chancery_domain::enforced;

/// What a log says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: unique, and no more than a name.
    pub origin: String,
    /// How many leaves it has.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

/// Why something that was checked against a checkpoint is not to be believed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CheckpointError {
    /// The note does not hold.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The note is no checkpoint.
    #[error("the note is no checkpoint: origin, size and root, a line each, and nothing else")]
    Malformed,
    /// It is another log's.
    #[error("the checkpoint is of the log {found}, not of {expected}")]
    Origin {
        /// The log that the key is of.
        expected: String,
        /// The log that the checkpoint names.
        found: String,
    },
    /// Not a proof in the format of C2SP tlog-proof.
    #[error("not a proof of inclusion: {0}")]
    Proof(&'static str),
    /// The proof proves nothing.
    #[error(transparent)]
    Inclusion(#[from] ProofError),
}

impl Checkpoint {
    /// The text that is signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root))
    }

    /// From a note's text. Extension lines are refused: our logs have none.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let read = || {
            let mut lines = text.strip_suffix('\n')?.split('\n');
            let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
            let root = BASE64.decode(root).ok()?.try_into().ok()?;
            let checkpoint = Self { origin: origin.to_owned(), size: decimal(size)?, root };
            (lines.next().is_none() && !origin.is_empty()).then_some(checkpoint)
        };
        read().ok_or(CheckpointError::Malformed)
    }

    /// The checkpoint in a note that the log's own key signed.
    pub fn open(note: &[u8], log: &VerifierKey) -> Result<Self, CheckpointError> {
        let note = Note::parse(note)?;
        note.verify(std::slice::from_ref(log))?;
        let checkpoint = Self::parse(note.text())?;
        if (checkpoint.origin != log.name() || log.kind() != KeyKind::Log) && enforced!("checkpoint.origin") {
            return Err(CheckpointError::Origin { expected: log.name().to_owned(), found: checkpoint.origin });
        }
        Ok(checkpoint)
    }
}

/// A number with one spelling.
fn decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

/// A proof that a leaf is in a log, with the checkpoint that it is proved against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    /// The leaf's index.
    pub index: u64,
    /// The hashes from the leaf's sibling up.
    pub hashes: Vec<Hash>,
    /// The signed checkpoint.
    pub checkpoint: Note,
}

const PROOF_HEAD: &str = "c2sp.org/tlog-proof@v1";

impl InclusionProof {
    /// The proof in the text of C2SP tlog-proof.
    pub fn to_text(&self) -> String {
        let hashes: String = self.hashes.iter().map(|hash| format!("{}\n", BASE64.encode(hash))).collect();
        format!("{PROOF_HEAD}\nindex {}\n{hashes}\n{}", self.index, self.checkpoint)
    }

    /// Reads that text; a line of extra data is passed over, for nothing vouches for it.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let malformed = CheckpointError::Proof;
        let rest = text.strip_prefix(PROOF_HEAD).and_then(|rest| rest.strip_prefix('\n')).ok_or(malformed("its first line is another"))?;
        let (head, checkpoint) = rest.split_once("\n\n").ok_or(malformed("no checkpoint follows an empty line"))?;
        let mut lines = head.split('\n').peekable();
        lines.next_if(|line| line.starts_with("extra "));
        let index = lines.next().and_then(|line| decimal(line.strip_prefix("index ")?)).ok_or(malformed("the index is missing"))?;
        let hash = |line: &str| BASE64.decode(line).ok()?.try_into().ok();
        let hashes = lines.map(hash).collect::<Option<Vec<Hash>>>().ok_or(malformed("a line is no hash"))?;
        if hashes.len() > LONGEST_PROOF {
            return Err(malformed("it has more than 63 hashes"));
        }
        Ok(Self { index, hashes, checkpoint: Note::parse(checkpoint.as_bytes())? })
    }

    /// Whether the leaf is in the log whose key this is; the checkpoint that says so.
    pub fn verify(&self, leaf: &Hash, log: &VerifierKey) -> Result<Checkpoint, CheckpointError> {
        let checkpoint = Checkpoint::open(self.checkpoint.to_string().as_bytes(), log)?;
        verify_inclusion(&self.hashes, self.index, checkpoint.size, leaf, &checkpoint.root)?;
        Ok(checkpoint)
    }
}
