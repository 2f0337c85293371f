//! Evidence: the canonical form of events, the leaves that commit to them, and the log that the leaves make: its tree, tiles, checkpoints
//! and proofs, made and verified. Pure.

mod bundle;
mod canon;
mod checkpoint;
mod edge;
mod export;
mod leaf;
mod merkle;
mod note;
mod tile;
mod witness;

pub use bundle::{
    BUNDLE, Bundle, EventProof, OpenedEvent, PlatformProof, SignatureEvidence, TRUST, TimestampEvidence, TrustFile, TrustedLog,
    TrustedPlatform, View, blinded,
};
pub use canon::{CanonError, canonical, canonical_value};
pub use checkpoint::{Checkpoint, CheckpointError, InclusionProof};
pub use edge::{Edge, NotTheEdge};
pub use export::{EXPORT_VERSION, ExportEntry, ExportError, ExportHead, VerifiedExport, verify_export};
pub use leaf::{Opening, Record, Salt};
pub use merkle::{EMPTY_ROOT, Hash, LONGEST_PROOF, ProofError, consistency, inclusion, node, verify_consistency, verify_inclusion};
pub use note::{KeyKind, LONGEST_NOTE, Note, NoteError, Signature, VerifierKey, cosigned};
pub use tile::{TILE_WIDTH, Tile, TileId, Tiles, tiles_for};
pub use witness::{PolicyError, Witness, WitnessPolicy, add_checkpoint};
