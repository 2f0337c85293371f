//! The log of a realm's events as stored: its epochs, its tiles, and each event's place (I4, I14).

use crate::statement::{Statement, sql};
use crate::value::Row;
use crate::{Changes, EventRow, Guard, StoreError, TenantView, event};
use chancery_domain::{EventId, Sealed, Timestamp};

/// An epoch of the log: a tree of its own, with its own key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    /// Which, from 1; a restored store opens the next.
    pub epoch: u32,
    /// The log's name in its checkpoints.
    pub origin: String,
    /// The Ed25519 key that its checkpoints verify with.
    pub public_key: [u8; 32],
    /// The private key, sealed under purpose `log`.
    pub key: Sealed,
    /// How many leaves it has.
    pub size: u64,
    /// The newest checkpoint, a signed note.
    pub checkpoint: Vec<u8>,
    /// When it was signed.
    pub signed_at: Timestamp,
}

/// A tile of the log's tree, as wide as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogTileRow {
    /// Its level, from 0.
    pub level: u8,
    /// Its place in the level, from 0.
    pub index: u64,
    /// Its hashes, one after the other.
    pub hashes: Vec<u8>,
    /// On level 0 the ids of the events whose leaves they are, one after the other.
    pub events: Vec<u8>,
}

/// The newest epoch's row, and what beside the rows tells of epochs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogHead {
    /// The newest epoch.
    pub row: Option<LogRow>,
    /// The highest epoch that a tile, the oldest event with a place, or the newest before the one asked for stands in.
    pub told: Option<u32>,
}

/// What stands in no epoch that there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogStrays {
    /// Events with a place in no epoch, or past the end of theirs.
    pub placed: u64,
    /// Tiles of no epoch.
    pub tiles: u64,
    /// Events from before the moment asked for that have no place.
    pub waiting: u64,
}

/// Where an event stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPlace {
    /// In which epoch.
    pub epoch: u32,
    /// Its leaf's index.
    pub index: u64,
}

fn parse_log(row: &Row) -> Result<LogRow, StoreError> {
    Ok(LogRow {
        epoch: row.unsigned(0)?,
        origin: row.text(1)?.to_owned(),
        public_key: row.array(2)?,
        key: row.sealed(3)?,
        size: row.count(4)?,
        checkpoint: row.blob(5)?.to_vec(),
        signed_at: row.time(6)?,
    })
}

fn parse_tile(row: &Row) -> Result<LogTileRow, StoreError> {
    let level = u8::try_from(row.int(0)?).map_err(|_| StoreError::Malformed("a tile's level is out of range"))?;
    Ok(LogTileRow { level, index: row.count(1)?, hashes: row.blob(2)?.to_vec(), events: row.blob(3)?.to_vec() })
}

pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl TenantView {
    /// The epoch of the log that goes on, the newest.
    pub async fn log(&self) -> Result<Option<LogRow>, StoreError> {
        let query = sql!(
            "SELECT epoch, origin, public_key, key, size, checkpoint, signed_at FROM log WHERE tenant_id = ?1 ORDER BY epoch DESC LIMIT 1",
            self.id()
        );
        self.row(query, parse_log).await
    }

    /// The newest epoch of the log and what else tells of epochs, all as of one moment. Of the events it looks at two: the oldest that
    /// has a place, and the newest before this one that has.
    pub async fn log_head(&self, before: EventId) -> Result<LogHead, StoreError> {
        let log = sql!(
            "SELECT epoch, origin, public_key, key, size, checkpoint, signed_at FROM log WHERE tenant_id = ?1 ORDER BY epoch DESC LIMIT 1",
            self.id()
        );
        let tile = sql!("SELECT epoch FROM log_tile WHERE tenant_id = ?1 ORDER BY epoch DESC LIMIT 1", self.id());
        let oldest = sql!("SELECT log_epoch FROM event WHERE tenant_id = ?1 AND log_epoch IS NOT NULL ORDER BY id LIMIT 1", self.id());
        let newest = sql!(
            "SELECT log_epoch FROM event WHERE tenant_id = ?1 AND log_epoch IS NOT NULL AND id < ?2 ORDER BY id DESC LIMIT 1",
            self.id(),
            before.as_bytes()
        );
        let mut results = self.engine.read(self.tenant, vec![log, tile, oldest, newest]).await?.into_iter();
        let row = results.next().unwrap_or_default().first().map(parse_log).transpose()?;
        let told = results.flatten().map(|row| row.unsigned(0)).collect::<Result<Vec<u32>, _>>()?;
        Ok(LogHead { row, told: told.into_iter().max() })
    }

    /// All epochs of the log, oldest first.
    pub async fn log_epochs(&self) -> Result<Vec<LogRow>, StoreError> {
        let query = sql!(
            "SELECT epoch, origin, public_key, key, size, checkpoint, signed_at FROM log WHERE tenant_id = ?1 ORDER BY epoch",
            self.id()
        );
        self.rows(query, parse_log).await
    }

    /// An epoch of the log and those of these tiles, level and index, that there are, all as of one moment.
    pub async fn log_tiles(&self, epoch: u32, tiles: &[(u8, u64)]) -> Result<Option<(LogRow, Vec<LogTileRow>)>, StoreError> {
        let log = sql!(
            "SELECT epoch, origin, public_key, key, size, checkpoint, signed_at FROM log WHERE tenant_id = ?1 AND epoch = ?2",
            self.id(),
            epoch
        );
        let tile = |(level, index): &(u8, u64)| {
            sql!(
                "SELECT level, tile_index, hashes, events FROM log_tile
                 WHERE tenant_id = ?1 AND epoch = ?2 AND level = ?3 AND tile_index = ?4",
                self.id(),
                epoch,
                u32::from(*level),
                signed(*index)
            )
        };
        let queries = std::iter::once(log).chain(tiles.iter().map(tile)).collect();
        let mut results = self.engine.read(self.tenant, queries).await?.into_iter();
        let Some(log) = results.next().unwrap_or_default().first().map(parse_log).transpose()? else { return Ok(None) };
        let tiles = results.flatten().map(|row| parse_tile(&row)).collect::<Result<_, _>>()?;
        Ok(Some((log, tiles)))
    }

    /// Events that have no place in the log yet, oldest first: id and leaf.
    pub async fn unsequenced(&self, limit: u32) -> Result<Vec<(EventId, [u8; 32])>, StoreError> {
        let query = sql!("SELECT id, leaf FROM event WHERE tenant_id = ?1 AND leaf_index IS NULL ORDER BY id LIMIT ?2", self.id(), limit);
        self.rows(query, |row| Ok((row.id(0, EventId::from_bytes)?, row.array(1)?))).await
    }

    /// How many events have places in an epoch before this index.
    pub async fn count_placed(&self, epoch: u32, before: u64) -> Result<u64, StoreError> {
        let query = sql!(
            "SELECT count(*) FROM event WHERE tenant_id = ?1 AND log_epoch = ?2 AND leaf_index >= 0 AND leaf_index < ?3",
            self.id(),
            epoch,
            signed(before)
        );
        Ok(self.row(query, |row| row.count(0)).await?.unwrap_or(0))
    }

    /// How many rows tell of what the epochs' rows do not, all as of one moment.
    pub async fn log_strays(&self, before: EventId) -> Result<LogStrays, StoreError> {
        let placed = sql!(
            "SELECT count(*) FROM event e LEFT JOIN log l ON l.tenant_id = e.tenant_id AND l.epoch = e.log_epoch
             WHERE e.tenant_id = ?1 AND (e.log_epoch IS NOT NULL OR e.leaf_index IS NOT NULL)
             AND (l.epoch IS NULL OR e.leaf_index IS NULL OR e.leaf_index < 0 OR e.leaf_index >= l.size)",
            self.id()
        );
        let tiles = sql!(
            "SELECT count(*) FROM log_tile t WHERE t.tenant_id = ?1
             AND NOT EXISTS (SELECT 1 FROM log l WHERE l.tenant_id = ?1 AND l.epoch = t.epoch)",
            self.id()
        );
        let waiting =
            sql!("SELECT count(*) FROM event WHERE tenant_id = ?1 AND leaf_index IS NULL AND id < ?2", self.id(), before.as_bytes());
        let results = self.engine.read(self.tenant, vec![placed, tiles, waiting]).await?;
        let mut counts = results.iter().map(|rows| rows.first().map_or(Ok(0), |row| row.count(0)));
        let mut next = || counts.next().unwrap_or(Ok(0));
        Ok(LogStrays { placed: next()?, tiles: next()?, waiting: next()? })
    }

    /// The events whose leaves stand in a tile of level 0, in their order; what of it is missing is not there.
    pub async fn log_events(&self, epoch: u32, tile: u64) -> Result<Vec<EventRow>, StoreError> {
        let query = sql!(
            "WITH RECURSIVE place(at) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT at + 1 FROM place WHERE at < 255),
             stands(at, id) AS MATERIALIZED (SELECT p.at, substr(t.events, CAST(p.at * 16 + 1 AS INTEGER), 16) FROM log_tile t CROSS JOIN place p
               WHERE t.tenant_id = ?1 AND t.epoch = ?2 AND t.level = 0 AND t.tile_index = ?3 AND p.at * 16 < length(t.events))
             SELECT e.id, e.body, e.leaf, e.log_epoch, e.leaf_index FROM stands s CROSS JOIN event e WHERE e.tenant_id = ?1 AND e.id = s.id ORDER BY s.at",
            self.id(),
            epoch,
            signed(tile)
        );
        self.rows(query, event::parse).await
    }
}

/// A place from two columns.
pub(crate) fn place(row: &Row, at: usize) -> Result<Option<LogPlace>, StoreError> {
    if row.is_null(at)? || row.is_null(at + 1)? {
        Ok(None)
    } else {
        Ok(Some(LogPlace { epoch: row.unsigned(at)?, index: row.count(at + 1)? }))
    }
}

impl Changes {
    /// Opens an epoch of the log.
    pub fn insert_log(&mut self, row: &LogRow) {
        let statement = sql!(
            "INSERT INTO log (tenant_id, epoch, origin, public_key, key, size, checkpoint, signed_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
            self.id(),
            row.epoch,
            row.origin.as_str(),
            &row.public_key,
            &row.key,
            signed(row.size),
            row.checkpoint.as_slice(),
            row.signed_at
        );
        self.one(Guard::Unique("log"), statement);
    }

    /// Moves the epoch that had `before` leaves to its new size and checkpoint. Whoever read the same size fails, so no size is signed
    /// twice; and so does who would go on with an epoch that ended.
    pub fn move_log(&mut self, row: &LogRow, before: u64) {
        let statement = sql!(
            "UPDATE log SET size = ?4, checkpoint = ?5, signed_at = ?6 WHERE tenant_id = ?1 AND epoch = ?2 AND size = ?3
             AND NOT EXISTS (SELECT 1 FROM log l WHERE l.tenant_id = ?1 AND l.epoch > ?2)",
            self.id(),
            row.epoch,
            signed(before),
            signed(row.size),
            row.checkpoint.as_slice(),
            row.signed_at
        );
        self.one(Guard::Version("log"), statement);
    }

    /// Keeps a tile, as wide as it is now.
    pub fn put_log_tile(&mut self, epoch: u32, row: &LogTileRow) {
        self.run(sql!(
            "INSERT INTO log_tile (tenant_id, epoch, level, tile_index, hashes, events) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (tenant_id, epoch, level, tile_index) DO UPDATE SET hashes = excluded.hashes, events = excluded.events",
            self.id(),
            epoch,
            u32::from(row.level),
            signed(row.index),
            row.hashes.as_slice(),
            row.events.as_slice()
        ));
    }

    /// Gives the events of a tile of level 0, from its leaf `first` on, the places where they stand in it. Each must be there and have
    /// had none.
    pub fn place_events(&mut self, epoch: u32, tile: u64, first: u32) {
        let values = (self.view.tenant, epoch, signed(tile), first);
        let with = |sql: &'static str| Statement::new(sql, [values.0.as_bytes().into(), values.1.into(), values.2.into(), values.3.into()]);
        // Each event by its key, in both: a plus keeps the index of what waits out of it, CROSS JOIN keeps SQLite from turning a join
        // round, and under row level security PostgreSQL compares a column by an index only with what is computed: so materialized.
        self.run(with(
            "WITH RECURSIVE place(at) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT at + 1 FROM place WHERE at < 255),
             stands(at, id) AS MATERIALIZED (SELECT p.at, substr(t.events, CAST(p.at * 16 + 1 AS INTEGER), 16) FROM log_tile t CROSS JOIN place p
               WHERE t.tenant_id = ?1 AND t.epoch = ?2 AND t.level = 0 AND t.tile_index = ?3 AND p.at >= ?4 AND p.at * 16 < length(t.events))
             UPDATE event SET log_epoch = ?2, leaf_index = ?3 * 256 + (SELECT min(s.at) FROM stands s WHERE s.id = event.id)
             WHERE tenant_id = ?1 AND +leaf_index IS NULL AND id IN (SELECT s.id FROM stands s)",
        ));
        self.found(
            Guard::Version("event"),
            with(
                "SELECT 1 FROM log_tile t WHERE t.tenant_id = ?1 AND t.epoch = ?2 AND t.level = 0 AND t.tile_index = ?3
                 AND length(t.events) = 16 * (?4 + (
                   WITH RECURSIVE place(at) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT at + 1 FROM place WHERE at < 255),
                   stands(at, id) AS MATERIALIZED (SELECT p.at, substr(o.events, CAST(p.at * 16 + 1 AS INTEGER), 16)
                     FROM log_tile o CROSS JOIN place p WHERE o.tenant_id = ?1 AND o.epoch = ?2 AND o.level = 0 AND o.tile_index = ?3
                     AND p.at >= ?4 AND p.at * 16 < length(o.events))
                   SELECT count(*) FROM stands s CROSS JOIN event e WHERE e.tenant_id = ?1 AND e.id = s.id AND e.log_epoch = ?2
                   AND e.leaf_index = ?3 * 256 + s.at))",
            ),
        );
    }
}
