//! An epoch of a realm's log: its key, its tree as far as it was signed, and what is appended to it.
//!
//! Whatever goes on with an epoch finds in the store the tree that the epoch's own key signed last, or stops (I14).

use crate::Failure;
use crate::places;
use crate::publish;
use crate::realm::Realm;
use crate::service::Ports;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::{EventId, Timestamp, enforced};
use chancery_evidence::{Checkpoint, CheckpointError, Edge, Hash, KeyKind, Note, NoteError, TILE_WIDTH, Tile, TileId, VerifierKey};
use chancery_keys::SoftwareKey;
use chancery_store::{Changes, LogRow, LogTileRow};

/// Why nothing more is appended to a log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsound {
    /// The stored checkpoint is not one that this log signed.
    #[error("its stored checkpoint is not to be believed: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// Its tiles are missing or of another width.
    #[error("its stored tiles are not those of a log of {0} leaves")]
    Tiles(u64),
    /// Its tiles make another root.
    #[error("its stored tiles do not hash to the root that was signed at {0} leaves")]
    Root(u64),
    /// Its private key is not the one that was sealed.
    #[error("its sealed key is not to be believed: {0}")]
    Key(String),
    /// An epoch's row is not there, and other rows tell of it.
    #[error("epoch {0} has tiles or events, and its row is not there")]
    Gone(u32),
}

/// An epoch, opened to be appended to.
pub(crate) struct Epoch {
    row: LogRow,
    key: SoftwareKey,
    edge: Edge,
    /// The ids of the events in the partial tile of level 0.
    events: Vec<u8>,
    /// Whether it is in the store.
    is_stored: bool,
}

/// Places that events were given: those of a tile of level 0 from one on.
pub(crate) struct Places {
    epoch: u32,
    tile: u64,
    first: u32,
}

impl Places {
    /// Leaves them to the write-set that holds the tile.
    pub(crate) fn give(&self, changes: &mut Changes) {
        changes.place_events(self.epoch, self.tile, self.first);
    }
}

impl Epoch {
    /// A new one without a leaf, with its own name and key.
    pub(crate) fn new(realm: &Realm, epoch: u32, ports: &Ports) -> Result<Self, Failure> {
        let (key, pkcs8) = SoftwareKey::generate_as(KeyAlgorithm::Ed25519, &*ports.entropy)?;
        let mut name = [0; 16];
        ports.entropy.fill(&mut name);
        let row = LogRow {
            epoch,
            // Of nobody: it says neither whose it is nor where.
            origin: format!("chancery.log/{:032x}", u128::from_be_bytes(name)),
            public_key: public_key(&key)?,
            key: realm.seal(&places::LOG_KEY, &epoch.to_be_bytes(), &pkcs8, ports)?,
            size: 0,
            checkpoint: Vec::new(),
            signed_at: Timestamp::from_millis(0),
        };
        Ok(Self { row, key, edge: Edge::default(), events: Vec::new(), is_stored: false })
    }

    /// The stored one, if it is what was signed last.
    pub(crate) fn open(realm: &Realm, row: LogRow, tiles: Vec<LogTileRow>) -> Result<Self, Unsound> {
        let key = own_key(realm, &row)?;
        let events = tiles.iter().find(|tile| tile.level == 0).map(|tile| tile.events.clone()).unwrap_or_default();
        let edge = signed_edge(&row, tiles)?;
        Ok(Self { row, key, edge, events, is_stored: true })
    }

    /// What the event that opens it says of it.
    pub(crate) fn name(&self) -> (u32, &str) {
        (self.row.epoch, &self.row.origin)
    }

    /// Appends events, signs, and leaves all of it to the write-set: tiles, checkpoint, and by what it returns the events' places
    /// (I5: only what commits with it is signed).
    pub(crate) fn append(mut self, changes: &mut Changes, events: &[(EventId, Hash)], now: Timestamp) -> Result<Vec<Places>, Failure> {
        let (before, epoch, mut places) = (self.edge.size(), self.row.epoch, Vec::new());
        for tile in self.grow(events)? {
            changes.put_log_tile(epoch, &tile);
            if tile.level == 0 {
                let first = u32::try_from(before.saturating_sub(tile.index * TILE_WIDTH as u64)).map_err(Failure::internal)?;
                places.push(Places { epoch, tile: tile.index, first });
            }
        }
        self.row.size = self.edge.size();
        self.row.checkpoint = self.sign()?.into_bytes();
        self.row.signed_at = now;
        if self.is_stored {
            changes.move_log(&self.row, before)
        } else {
            changes.insert_log(&self.row)
        }
        publish::plan(changes, now);
        Ok(places)
    }

    /// The tiles that come of these events or grow by them.
    fn grow(&mut self, events: &[(EventId, Hash)]) -> Result<Vec<LogTileRow>, Failure> {
        let leaves: Vec<_> = events.iter().map(|(_, leaf)| *leaf).collect();
        // The ids that are held begin with the partial tile.
        let held = self.edge.size() / TILE_WIDTH as u64;
        self.events.extend(events.iter().flat_map(|(id, _)| id.as_bytes()));
        let fewer = || Failure::internal("a tile of the log has fewer events than leaves");
        let row = |tile: Tile| {
            let mut events = Vec::new();
            if tile.id.level == 0 {
                let at = usize::try_from(tile.id.index - held).map_err(Failure::internal)? * TILE_WIDTH * 16;
                events = self.events.get(at..at + tile.hashes.len() * 16).ok_or_else(fewer)?.to_vec();
            }
            Ok(LogTileRow { level: tile.id.level, index: tile.id.index, hashes: tile.hashes.concat(), events })
        };
        self.edge.append(&leaves).into_iter().map(row).collect()
    }

    fn sign(&self) -> Result<String, Failure> {
        let text = Checkpoint { origin: self.row.origin.clone(), size: self.edge.size(), root: self.edge.root() }.text();
        let signature = self.key.sign(text.as_bytes())?;
        Ok(Note::sign(text, &verifier_key(&self.row)?, &signature)?.to_string())
    }
}

/// The key that signs an epoch's checkpoints. Whoever holds the tables chooses what the row says that they verify with.
pub(crate) fn own_key(realm: &Realm, row: &LogRow) -> Result<SoftwareKey, Unsound> {
    let open = || {
        let key = SoftwareKey::from_pkcs8(&realm.open(&places::LOG_KEY, &row.epoch.to_be_bytes(), &row.key)?)?;
        Ok::<_, Failure>((public_key(&key)?, key))
    };
    let (public, key) = open().map_err(|failure| Unsound::Key(failure.to_string()))?;
    if public != row.public_key && enforced!("log.key") {
        return Err(Unsound::Key("the public key beside it is another one's".to_owned()));
    }
    Ok(key)
}

/// The key that an epoch's checkpoints verify with.
pub(crate) fn verifier_key(row: &LogRow) -> Result<VerifierKey, NoteError> {
    VerifierKey::new(&row.origin, KeyKind::Log, row.public_key)
}

/// The tiles that an epoch of this size is opened with.
pub(crate) fn edge_of(size: u64) -> Vec<(u8, u64)> {
    TileId::edge(size).into_iter().map(|(id, _)| (id.level, id.index)).collect()
}

/// A stored tile's hashes.
pub(crate) fn tile(row: &LogTileRow) -> Option<Tile> {
    let (hashes, rest) = row.hashes.as_chunks::<32>();
    rest.is_empty().then(|| Tile { id: TileId { level: row.level, index: row.index }, hashes: hashes.to_vec() })
}

/// What an epoch's stored checkpoint says, if the epoch's key signed it.
pub(crate) fn signed_head(row: &LogRow) -> Result<Checkpoint, CheckpointError> {
    Checkpoint::open(&row.checkpoint, &verifier_key(row)?)
}

fn signed_edge(row: &LogRow, tiles: Vec<LogTileRow>) -> Result<Edge, Unsound> {
    let signed = signed_head(row)?;
    let tiles: Option<Vec<_>> = tiles.iter().map(tile).collect();
    let edge = tiles.and_then(|tiles| Edge::of(row.size, tiles).ok()).ok_or(Unsound::Tiles(row.size))?;
    if edge.root() != signed.root && enforced!("log.root") { Err(Unsound::Root(row.size)) } else { Ok(edge) }
}

/// An Ed25519 key is the end of its SubjectPublicKeyInfo (RFC 8410 section 4).
fn public_key(key: &SoftwareKey) -> Result<[u8; 32], Failure> {
    key.spki_der().last_chunk().copied().ok_or_else(|| Failure::internal("a log's key is no Ed25519 key"))
}
