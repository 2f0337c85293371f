//! `audit fsck`: the logs of a store that is only looked at, rebuilt from their leaves and compared with everything that is stored of them.

use crate::epoch::{edge_of, own_key, signed_head, tile};
use crate::log::opened;
use crate::realm::Realm;
use crate::{Chancery, Failure};
use chancery_domain::tenant::TenantStatus;
use chancery_domain::{EventId, TenantId, Timestamp, enforced};
use chancery_evidence::{Checkpoint, Edge, Hash, TILE_WIDTH, Tile};
use chancery_store::{LogRow, LogTileRow, Page, TenantView};
use serde::Serialize;
use std::time::Duration;

/// What was found of one epoch of a realm's log.
#[derive(Debug, Serialize)]
pub struct CheckedLog {
    /// The tenant; the platform's own realm has the id zero.
    pub tenant: TenantId,
    /// Which epoch; 0 where a realm has none.
    pub epoch: u32,
    /// Its name in its checkpoints.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// How many checkpoints kept elsewhere it was compared with.
    pub outside: usize,
    /// What is wrong, in words.
    pub faults: Vec<String>,
}

impl CheckedLog {
    fn none(tenant: TenantId, fault: String) -> Self {
        Self { tenant, epoch: 0, origin: String::new(), size: 0, outside: 0, faults: vec![fault] }
    }
}

/// An event has its place in a second, or in a minute and a half if a server ended meanwhile.
const PLACED_BY: Duration = Duration::from_secs(120);
/// More of them are not told one by one.
const FAULTS: usize = 20;

impl Chancery {
    /// Checks the log of one tenant, or of all and the platform's, against checkpoints kept elsewhere, whose texts are as they were
    /// signed. Nothing is written, not even that keys were unwrapped: the store is one that is only looked at.
    pub async fn check_logs(&self, only: Option<TenantId>, outside: &[Checkpoint]) -> Result<Vec<CheckedLog>, Failure> {
        let mut realms = match only {
            Some(tenant) => vec![tenant],
            None => self.all_realms().await?,
        };
        realms.sort_unstable();
        let mut found = Vec::new();
        for tenant in realms {
            match self.check_realm(tenant, outside).await {
                Err(failure @ Failure::NotFound) if only.is_some() => return Err(failure),
                Err(failure) if enforced!("fsck.unreadable") => {
                    found.push(CheckedLog::none(tenant, format!("it cannot be checked: {failure}")));
                }
                checked => found.extend(checked?),
            }
        }
        let known = |kept: &&Checkpoint| found.iter().any(|log| log.origin == kept.origin);
        let unknown: Vec<_> = outside.iter().filter(|kept| !known(kept)).map(|kept| kept.origin.clone()).collect();
        for origin in unknown.into_iter().filter(|_| enforced!("fsck.unknown")) {
            let none =
                CheckedLog::none(only.unwrap_or(TenantId::PLATFORM), "a checkpoint kept elsewhere is of a log that is not here".to_owned());
            found.push(CheckedLog { origin, ..none });
        }
        Ok(found)
    }

    async fn all_realms(&self) -> Result<Vec<TenantId>, Failure> {
        const LIMIT: u32 = 500;
        let (mut realms, mut before) = (vec![TenantId::PLATFORM], None);
        loop {
            let page = self.inner.store.platform().register(Page { before, limit: LIMIT }).await?;
            before = page.last().map(|row| row.id);
            realms.extend(page.iter().filter(|row| row.status != TenantStatus::Creating).map(|row| row.id));
            if page.len() < LIMIT as usize {
                return Ok(realms);
            }
        }
    }

    async fn check_realm(&self, tenant: TenantId, outside: &[Checkpoint]) -> Result<Vec<CheckedLog>, Failure> {
        let view = self.inner.store.tenant(tenant);
        let realm = Realm::load(&view, &*self.inner.provider).await?;
        tracing::info!(%tenant, "keys unwrapped to check the log");
        let mut found = Vec::new();
        for log in view.log_epochs().await? {
            let kept: Vec<_> = outside.iter().filter(|kept| kept.origin == log.origin).collect();
            let mut check = Check { realm: &realm, log: &log, outside: &kept, faults: Vec::new() };
            match check.run().await {
                // What cannot be read back is not what was stored.
                Err(failure @ Failure::Internal(_)) => check.fault(failure.to_string()),
                done => done?,
            }
            let faults = check.faults;
            found.push(CheckedLog { tenant, epoch: log.epoch, origin: log.origin, size: log.size, outside: kept.len(), faults });
        }
        for stray in self.strays(&view).await?.into_iter().filter(|_| enforced!("fsck.strays")) {
            match found.last_mut() {
                Some(newest) => newest.faults.push(stray),
                None => found.push(CheckedLog::none(tenant, stray)),
            }
        }
        Ok(found)
    }

    /// What stands in no epoch that there is, in words.
    async fn strays(&self, view: &TenantView) -> Result<Vec<String>, Failure> {
        let strays = view.log_strays(first_id(self.now().before(PLACED_BY))).await?;
        let words = [
            (strays.placed, "events have places in no epoch that is here, or past its end"),
            (strays.tiles, "tiles are of no epoch that is here"),
            (
                strays.waiting,
                "events are older than two minutes and have no place: the sequencer stopped, no server runs, or places were taken away",
            ),
        ];
        Ok(words.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect())
    }
}

/// The first id of a moment: an event's id begins with its milliseconds (RFC 9562 section 5.7).
fn first_id(at: Timestamp) -> EventId {
    let (mut id, [_, _, millis @ ..]) = ([0; 16], at.millis().to_be_bytes());
    id.iter_mut().zip(millis).for_each(|(to, from)| *to = from);
    EventId::from_bytes(id)
}

struct Check<'a> {
    realm: &'a Realm,
    log: &'a LogRow,
    outside: &'a [&'a Checkpoint],
    faults: Vec<String>,
}

impl Check<'_> {
    fn fault(&mut self, what: impl Into<String>) {
        if self.faults.len() < FAULTS {
            self.faults.push(what.into());
        }
    }

    async fn run(&mut self) -> Result<(), Failure> {
        let mut edge = Edge::default();
        self.compare_outside(&edge);
        for number in 0..self.log.size.div_ceil(TILE_WIDTH as u64) {
            let leaves = self.leaves(number).await?;
            for leaf in leaves {
                for grown in edge.append(&[leaf]).into_iter().filter(|tile| tile.hashes.len() == TILE_WIDTH) {
                    self.compare_tile(&grown).await?;
                }
                self.compare_outside(&edge);
            }
        }
        for (level, index) in edge_of(edge.size()) {
            if let Some(partial) = edge.partial(level) {
                self.compare_tile(&Tile { id: chancery_evidence::TileId { level, index }, hashes: partial.to_vec() }).await?;
            }
        }
        for kept in self.outside.iter().filter(|kept| kept.size > edge.size()) {
            let (kept, own) = (kept.size, edge.size());
            self.faults.push(format!("a checkpoint kept elsewhere has {kept} entries, this log {own}: it was cut or rolled back"));
        }
        match signed_head(self.log) {
            Err(error) => self.fault(format!("its checkpoint is not to be believed: {error}")),
            Ok(signed) if (signed.size, signed.root) != (edge.size(), edge.root()) && enforced!("fsck.root") => {
                self.fault(format!("its checkpoint over {} entries has another root than its {} entries make", signed.size, edge.size()));
            }
            Ok(_) => {}
        }
        if let Err(unsound) = own_key(self.realm, self.log)
            && enforced!("fsck.key")
        {
            self.fault(unsound.to_string());
        }
        // A server that runs beside places more behind them.
        let placed = self.realm.view.count_placed(self.log.epoch, self.log.size).await?;
        if placed != self.log.size && enforced!("fsck.places") {
            self.fault(format!("{placed} events have places in it, and it has {} entries", self.log.size));
        }
        Ok(())
    }

    /// The leaves of a tile of level 0, from its events: each opens, makes its leaf, and stands where it says.
    async fn leaves(&mut self, number: u64) -> Result<Vec<Hash>, Failure> {
        let first = number * TILE_WIDTH as u64;
        let expected = usize::try_from(self.log.size - first).unwrap_or(usize::MAX).min(TILE_WIDTH);
        let rows = self.realm.view.log_events(self.log.epoch, number).await?;
        if rows.len() < expected {
            self.fault(format!("{} entries from {first} on are not there", expected - rows.len()));
        }
        let mut leaves = Vec::new();
        for (row, index) in rows.iter().zip(first..).take(expected) {
            let stands = row.place.is_some_and(|place| (place.epoch, place.index) == (self.log.epoch, index));
            if !stands && enforced!("fsck.place") {
                self.fault(format!("event {} says that it stands elsewhere than at {index}", row.id));
            }
            if let Err(failure) = opened(self.realm, row) {
                self.fault(format!("entry {index}, event {}: {failure}", row.id));
            }
            leaves.push(row.leaf);
        }
        Ok(leaves)
    }

    async fn compare_tile(&mut self, expected: &Tile) -> Result<(), Failure> {
        let at = (expected.id.level, expected.id.index);
        let stored = self.realm.view.log_tiles(self.log.epoch, &[at]).await?;
        let stored = stored.and_then(|(_, tiles)| tiles.first().and_then(|row: &LogTileRow| tile(row)));
        // It may have grown beside.
        let same = stored.is_some_and(|stored| stored.hashes.starts_with(&expected.hashes));
        if !same && enforced!("fsck.tile") {
            self.fault(format!("{} is not what the entries make", expected.id.path(expected.hashes.len())));
        }
        Ok(())
    }

    fn compare_outside(&mut self, edge: &Edge) {
        for kept in self.outside.iter().filter(|kept| kept.size == edge.size()) {
            if kept.root != edge.root() && enforced!("fsck.outside") {
                self.faults.push(format!("a checkpoint kept elsewhere over the first {} entries has another root", kept.size));
            }
        }
    }
}
