//! The log as its tenant reads it: checkpoints, proofs, tiles, and the whole of it for who verifies without us (I14).

use crate::epoch::{tile, verifier_key};
use crate::places;
use crate::realm::Realm;
use crate::{Caller, Chancery, Failure};
use chancery_domain::action::EventRead;
use chancery_domain::{EventId, Timestamp, enforced};
use chancery_evidence::{Hash, InclusionProof, Note, Opening, TILE_WIDTH, Tiles, consistency, inclusion, tiles_for, verify_consistency};
use chancery_store::{EventRow, LogPlace, LogRow, TenantView};
use std::ops::Range;

/// An epoch of the log.
#[derive(Clone, Debug)]
pub struct LogEpoch {
    /// Which, from 1; a restored store opened the next.
    pub epoch: u32,
    /// The log's name in its checkpoints.
    pub origin: String,
    /// The key that its checkpoints verify with, `name+hash+base64`.
    pub verifier_key: String,
    /// How many leaves it has.
    pub size: u64,
    /// The newest checkpoint, a signed note.
    pub checkpoint: String,
    /// When it was signed.
    pub signed_at: Timestamp,
}

/// An event with all that shows that it stands in the log.
#[derive(Clone, Debug)]
pub struct EventProof {
    /// The event.
    pub event: EventId,
    /// Its canonical JSON.
    pub canonical: String,
    /// The salt that makes the leaf of it.
    pub salt: [u8; 32],
    /// Its leaf hash.
    pub leaf: Hash,
    /// In which epoch of the log.
    pub epoch: u32,
    /// The proof that the leaf is in the log, with the newest checkpoint (C2SP tlog-proof).
    pub proof: String,
}

/// An entry of the log, opened.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// Its leaf's index.
    pub index: u64,
    /// The event's canonical JSON.
    pub canonical: String,
    /// The salt that makes the leaf of it.
    pub salt: [u8; 32],
}

impl Chancery {
    /// All epochs of the caller's log, oldest first; none while it has no entry.
    pub async fn log_epochs(&self, caller: &Caller) -> Result<Vec<LogEpoch>, Failure> {
        self.permit::<EventRead>(caller).await?;
        caller.realm.view.log_epochs().await?.into_iter().map(epoch).collect()
    }

    /// One epoch of the caller's log, by default the newest.
    pub async fn log_epoch(&self, caller: &Caller, number: Option<u32>) -> Result<LogEpoch, Failure> {
        self.permit::<EventRead>(caller).await?;
        epoch(find(&caller.realm.view, number).await?)
    }

    /// The proof that an event stands in the log.
    pub async fn event_proof(&self, caller: &Caller, id: EventId) -> Result<EventProof, Failure> {
        let (row, place) = self.placed_event(caller, id).await?;
        let log = find(&caller.realm.view, Some(place.epoch)).await?;
        let (proof, salt, canonical) = prove(&caller.realm, &row, place, &log).await?;
        Ok(EventProof { event: row.id, canonical, salt, leaf: row.leaf, epoch: place.epoch, proof: proof.to_text() })
    }

    /// An event of the caller's log, and where it stands.
    pub(crate) async fn placed_event(&self, caller: &Caller, id: EventId) -> Result<(EventRow, LogPlace), Failure> {
        let row = caller.realm.view.event(id).await?;
        let (_, row) = self.permit_on::<EventRead, _>(caller, row).await?;
        let place = place(&row)?;
        Ok((row, place))
    }

    /// The hashes that prove that the log of `old` leaves is the beginning of that of `new` leaves, by default of now.
    pub async fn log_consistency(
        &self,
        caller: &Caller,
        number: Option<u32>,
        old: u64,
        new: Option<u64>,
    ) -> Result<(u64, Vec<Hash>), Failure> {
        self.permit::<EventRead>(caller).await?;
        grown(&caller.realm.view, number, old, new).await
    }

    /// The hashes of a tile, one after the other, as wide as it is now.
    pub async fn log_tile(&self, caller: &Caller, number: Option<u32>, level: u8, index: u64) -> Result<Vec<u8>, Failure> {
        self.permit::<EventRead>(caller).await?;
        let log = find(&caller.realm.view, number).await?;
        let found = caller.realm.view.log_tiles(log.epoch, &[(level, index)]).await?;
        found.and_then(|(_, tiles)| tiles.into_iter().next()).map(|tile| tile.hashes).ok_or(Failure::NotFound)
    }

    /// The entries of one tile of level 0, in their order: those below the size of the epoch that was read.
    pub async fn log_entries(&self, caller: &Caller, log: &LogEpoch, tile: u64) -> Result<Vec<LogEntry>, Failure> {
        self.permit::<EventRead>(caller).await?;
        let first = tile.saturating_mul(TILE_WIDTH as u64);
        let expected = usize::try_from(log.size.saturating_sub(first)).unwrap_or(usize::MAX).min(TILE_WIDTH);
        if expected == 0 {
            return Err(Failure::NotFound);
        }
        let rows = caller.realm.view.log_events(log.epoch, tile).await?;
        if rows.len() < expected && enforced!("log.entries") {
            return Err(changed(format!("events of tile {tile} are missing")));
        }
        let entry = |(row, index): (&EventRow, u64)| {
            let (salt, canonical) = opened(&caller.realm, row)?;
            Ok(LogEntry { index, canonical, salt })
        };
        rows.iter().zip(first..).take(expected).map(entry).collect()
    }
}

/// Where an event stands in its log.
pub(crate) fn place(row: &EventRow) -> Result<LogPlace, Failure> {
    let waits = || Failure::Unavailable("the event has no place in the log yet, which takes a second: ask again".to_owned());
    row.place.ok_or_else(waits)
}

pub(crate) fn changed(error: impl ToString) -> Failure {
    Failure::Internal(format!("the log was changed in the store: {}", error.to_string()))
}

/// An epoch as it is shown.
pub(crate) fn epoch(row: LogRow) -> Result<LogEpoch, Failure> {
    let verifier_key = verifier_key(&row)?.to_string();
    let LogRow { epoch, origin, size, checkpoint, signed_at, .. } = row;
    Ok(LogEpoch { epoch, origin, verifier_key, size, checkpoint: String::from_utf8(checkpoint).map_err(Failure::internal)?, signed_at })
}

/// An epoch of a log, by default the newest.
pub(crate) async fn find(view: &TenantView, number: Option<u32>) -> Result<LogRow, Failure> {
    let row = match number {
        None => view.log().await?,
        Some(number) => view.log_tiles(number, &[]).await?.map(|(row, _)| row),
    };
    row.ok_or(Failure::NotFound)
}

/// That an event stands in the log of this size and checkpoint, which may be those of before; its salt and canonical JSON.
pub(crate) async fn prove(
    realm: &Realm,
    row: &EventRow,
    place: LogPlace,
    log: &LogRow,
) -> Result<(InclusionProof, [u8; 32], String), Failure> {
    let ranges = inclusion(place.index, log.size).map_err(changed)?;
    let hashes = roots(&realm.view, log, &ranges).await?;
    let proof = InclusionProof { index: place.index, hashes, checkpoint: Note::parse(&log.checkpoint)? };
    if enforced!("log.proof") {
        proof.verify(&row.leaf, &verifier_key(log)?).map_err(changed)?;
    }
    let (salt, canonical) = opened(realm, row)?;
    Ok((proof, salt, canonical))
}

/// That the log of `old` leaves is the beginning of that of `new` leaves, by default of now.
pub(crate) async fn grown(view: &TenantView, number: Option<u32>, old: u64, new: Option<u64>) -> Result<(u64, Vec<Hash>), Failure> {
    let log = find(view, number).await?;
    let new = new.unwrap_or(log.size);
    if new > log.size {
        return Err(Failure::invalid("to", format!("the log has {} leaves", log.size)));
    }
    let ranges = consistency(old, new).map_err(|error| Failure::invalid("from", error))?;
    let whole = [0..old, 0..new].map(|range| if range.is_empty() { None } else { Some(range) });
    let [before, after] = whole.map(|range| range.into_iter().collect::<Vec<_>>());
    let (before, after) = (roots(view, &log, &before).await?, roots(view, &log, &after).await?);
    let hashes = roots(view, &log, &ranges).await?;
    if let ([before], [after]) = (before.as_slice(), after.as_slice()) {
        verify_consistency(&hashes, old, before, new, after).map_err(changed)?;
    }
    Ok((new, hashes))
}

/// The roots of these parts of the tree.
async fn roots(view: &TenantView, log: &LogRow, ranges: &[Range<u64>]) -> Result<Vec<Hash>, Failure> {
    let needed: Vec<_> = tiles_for(ranges).into_iter().map(|id| (id.level, id.index)).collect();
    let (_, rows) = view.log_tiles(log.epoch, &needed).await?.ok_or(Failure::NotFound)?;
    let mut tiles = Tiles::default();
    rows.iter().filter_map(tile).for_each(|tile| tiles.insert(tile));
    let roots: Option<_> = ranges.iter().map(|range| tiles.root(range)).collect();
    roots.ok_or_else(|| changed("a tile is missing"))
}

/// Salt and canonical JSON of an event, if they make its leaf.
pub(crate) fn opened(realm: &Realm, row: &EventRow) -> Result<([u8; 32], String), Failure> {
    let stored = realm.open(&places::EVENT, row.id.as_bytes(), &row.body)?;
    let opening = Opening::read(&stored).ok_or_else(|| Failure::internal("a stored event is too short"))?;
    if opening.leaf() != row.leaf && enforced!("event.leaf") {
        return Err(changed(format!("event {} does not match its leaf hash", row.id)));
    }
    Ok((*opening.salt, String::from_utf8(opening.canonical.to_vec()).map_err(Failure::internal)?))
}
