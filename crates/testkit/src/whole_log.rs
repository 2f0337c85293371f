//! The log of a realm, checked whole from its tables: no gap, no event twice or missing, tiles and checkpoints that its leaves make.

use chancery_domain::EventId;
use chancery_evidence::{Checkpoint, Edge, Hash, KeyKind, TileId, VerifierKey};
use chancery_store::{EventRow, LogRow, Page, TenantView};
use std::collections::BTreeMap;

/// A checkpoint of an epoch, as somebody outside keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Which epoch.
    pub epoch: u32,
    /// What was signed.
    pub checkpoint: Checkpoint,
}

/// Checks every epoch of the realm's log, and that what was kept of it outside is how it began; its newest checkpoints.
///
/// # Errors
/// What is wrong, in words.
pub async fn check(view: &TenantView, kept: &[Kept]) -> Result<Vec<Kept>, String> {
    let mut places: BTreeMap<u32, BTreeMap<u64, EventRow>> = BTreeMap::new();
    for row in events(view).await? {
        let Some(place) = row.place else { return Err(format!("event {} has no place in the log", row.id)) };
        let id = row.id;
        if let Some(other) = places.entry(place.epoch).or_default().insert(place.index, row) {
            return Err(format!("events {id} and {} share index {} of epoch {}", other.id, place.index, place.epoch));
        }
    }
    let mut newest = Vec::new();
    for log in view.log_epochs().await.map_err(|error| error.to_string())? {
        let events = places.remove(&log.epoch).unwrap_or_default();
        newest.push(epoch(view, &log, &events, kept).await.map_err(|found| format!("epoch {}: {found}", log.epoch))?);
    }
    match (places.keys().next(), kept.iter().find(|kept| newest.iter().all(|newest| newest.epoch != kept.epoch))) {
        (Some(epoch), _) => Err(format!("events have places in epoch {epoch}, which is not there")),
        (None, Some(gone)) => Err(format!("epoch {} is not there any more", gone.epoch)),
        (None, None) => Ok(newest),
    }
}

async fn events(view: &TenantView) -> Result<Vec<EventRow>, String> {
    const LIMIT: u32 = 500;
    let mut all: Vec<EventRow> = Vec::new();
    loop {
        let before = all.last().map(|row| row.id);
        let page = view.events(Page { before, limit: LIMIT }).await.map_err(|error| error.to_string())?;
        let last = page.len() < LIMIT as usize;
        all.extend(page);
        if last {
            return Ok(all);
        }
    }
}

async fn epoch(view: &TenantView, log: &LogRow, events: &BTreeMap<u64, EventRow>, kept: &[Kept]) -> Result<Kept, String> {
    let key = VerifierKey::new(&log.origin, KeyKind::Log, log.public_key).map_err(|error| error.to_string())?;
    let signed = Checkpoint::open(&log.checkpoint, &key).map_err(|error| error.to_string())?;
    if (signed.size, log.size) != (events.len() as u64, events.len() as u64) {
        return Err(format!("{} events, {} leaves by its row, {} by its checkpoint", events.len(), log.size, signed.size));
    }
    let mut tiles: BTreeMap<TileId, Vec<Hash>> = BTreeMap::new();
    let (mut edge, mut outside) = (Edge::default(), kept.iter().filter(|kept| kept.epoch == log.epoch).collect::<Vec<_>>());
    for (expected, (index, row)) in (0..).zip(events) {
        if *index != expected {
            return Err(format!("no event has index {expected}"));
        }
        tiles.extend(edge.append(&[row.leaf]).into_iter().map(|tile| (tile.id, tile.hashes)));
        outside.retain(|kept| !(kept.checkpoint.size == edge.size() && kept.checkpoint.root == edge.root()));
    }
    if signed.root != edge.root() {
        return Err("its leaves make another root than the one that was signed".to_owned());
    }
    if let Some(kept) = outside.into_iter().find(|kept| kept.checkpoint.origin != log.origin || kept.checkpoint.size > 0) {
        return Err(format!("it does not begin as it was kept outside: {:?}", kept.checkpoint));
    }
    let ids: Vec<_> = tiles.keys().map(|id| (id.level, id.index)).collect();
    let (_, stored) = view.log_tiles(log.epoch, &ids).await.map_err(|error| error.to_string())?.ok_or("its row is not there any more")?;
    for ((id, hashes), row) in tiles.iter().zip(&stored) {
        let first = id.index * 256;
        let own: Vec<EventId> = if id.level > 0 { Vec::new() } else { events.range(first..first + 256).map(|(_, row)| row.id).collect() };
        let own: Vec<u8> = own.iter().flat_map(|id| *id.as_bytes()).collect();
        if (row.level, row.index, &row.hashes, &row.events) != (id.level, id.index, &hashes.concat(), &own) {
            return Err(format!("tile {} is not what the leaves make", id.path(hashes.len())));
        }
    }
    if stored.len() == tiles.len() { Ok(Kept { epoch: log.epoch, checkpoint: signed }) } else { Err("a tile is missing".to_owned()) }
}
