//! What is put into archives: the log, tile by tile, and the evidence of each signature and of each withdrawal.
//!
//! Names follow from what is in the log, and what is there stays: a crash between putting and noting puts the same names again.

use super::{ArchiveError, Object, destination_of, subject};
use crate::deed::{Deed, Detail, detail};
use crate::failure::Stop;
use crate::jobs::{self, Kind};
use crate::log::opened;
use crate::realm::Realm;
use crate::{Chancery, Failure};
use aws_lc_rs::digest::{SHA256, digest};
use chancery_domain::{EventId, SignatureId, Timestamp, kill_point};
use chancery_evidence::{EXPORT_VERSION, ExportEntry, ExportHead, TILE_WIDTH, TrustFile, View};
use chancery_store::{ArchiveRow, EventRow, JobRow, LogRow};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The version of what is put into archives.
const FORMAT: &str = "chancery-archive/1";
/// So often what is new is put there.
const EVERY: Duration = Duration::from_secs(60);
/// So long it is left alone at most after it failed.
const LONGEST: Duration = Duration::from_secs(3600);
/// So many seconds after the first failure it is tried again; after each further one twice as many.
const BACKOFF: u64 = 30;

/// What was put there by one run, and whose it is.
#[derive(Serialize)]
struct Manifest<'a> {
    format: &'static str,
    tenant: String,
    slug: &'a str,
    epoch: u32,
    from: u64,
    to: u64,
    trust: TrustFile,
    objects: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    key: String,
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_until: Option<Timestamp>,
}

/// Why a run ended.
enum Halt {
    Archive(ArchiveError),
    Failure(Failure),
}

impl From<ArchiveError> for Halt {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error)
    }
}

impl<E: Into<Failure>> From<E> for Halt {
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

impl Chancery {
    /// Puts what is new into the tenant's archive, a tile of the log at most, and notes it.
    pub(crate) async fn put_into_archive(&self, realm: &Arc<Realm>, job: &JobRow) -> Result<(), Stop> {
        // Of one that was ended nothing is left to do, whatever was begun since.
        let own = |row: &ArchiveRow| subject(row).as_slice() == job.subject;
        let Some(row) = realm.view.archive().await?.filter(own) else { return jobs::finish(realm, job).await };
        // Without its data keys nothing of a suspended tenant can be opened.
        let put = if realm.is_active() { self.put_next(realm, &row).await } else { Ok(None) };
        let now = self.now();
        let (next, again, act) = match put {
            Ok(next) => {
                let again = if next.is_some() { Duration::from_secs(1) } else { EVERY };
                let exported_at = if next.is_some() { row.exported_at } else { Some(now) };
                let moved = next.unwrap_or_else(|| row.clone());
                let recovered = row.failing_since.map(|since| ("archive.recovered", detail! { "failing_since" => since.to_string() }));
                (ArchiveRow { exported_at, failing_since: None, failures: 0, failure: None, ..moved }, again, recovered)
            }
            Err(Halt::Archive(error)) => {
                tracing::warn!(tenant = %realm.id, %error, "nothing is put into the tenant's archive; it is tried again");
                let failures = row.failures.saturating_add(1);
                let again = Duration::from_secs(BACKOFF << row.failures.min(16)).min(LONGEST);
                let failed = row.failing_since.is_none().then(|| ("archive.failed", detail! { "failure" => error.code() }));
                let since = row.failing_since.or(Some(now));
                (ArchiveRow { failing_since: since, failures, failure: Some(error.code().to_owned()), ..row.clone() }, again, failed)
            }
            Err(Halt::Failure(failure)) => return Err(failure.into()),
        };
        self.note_archived(realm, job, (&row, &next), now.after(again), act).await
    }

    /// Notes how far it is and when it goes on. Only when it begins or ends to fail that is an event: one for each run would be something
    /// new to put there, for ever.
    async fn note_archived(
        &self,
        realm: &Arc<Realm>,
        job: &JobRow,
        (read, next): (&ArchiveRow, &ArchiveRow),
        again: Timestamp,
        act: Option<(&str, Detail)>,
    ) -> Result<(), Stop> {
        let mut deed = Deed::system(realm);
        deed.changes.move_archive(read, next);
        deed.changes.finish_job(job);
        deed.changes.insert_job(&jobs::due_at(Kind::Archive, &subject(read), again));
        kill_point!("archive.note.before");
        match act {
            Some((act, detail)) => {
                deed.commit(self.ports(), act, *realm.id.as_bytes(), detail).await?;
            }
            None => deed.changes.commit().await?,
        }
        kill_point!("archive.note.after");
        Ok(())
    }

    /// Puts a tile's worth of what is new there; where the archive stands then, or nothing if there is nothing new.
    async fn put_next(&self, realm: &Realm, row: &ArchiveRow) -> Result<Option<ArchiveRow>, Halt> {
        let Some((log, _)) = realm.view.log_tiles(row.epoch, &[]).await? else { return Ok(None) };
        if row.exported >= log.size {
            let newer = realm.view.log_epochs().await?.iter().any(|other| other.epoch > row.epoch);
            return Ok(newer.then(|| ArchiveRow { epoch: row.epoch.saturating_add(1), exported: 0, ..row.clone() }));
        }
        let width = TILE_WIDTH as u64;
        let (tile, to) = (row.exported / width, log.size.min((row.exported / width + 1).saturating_mul(width)));
        let first = tile.saturating_mul(width);
        let count = usize::try_from(to.saturating_sub(first)).map_err(Failure::internal)?;
        let events: Vec<_> = realm.view.log_events(row.epoch, tile).await?.into_iter().take(count).collect();
        if events.len() < count {
            return Err(Failure::internal("the log was changed in the store: events of a tile are missing").into());
        }
        let new = usize::try_from(row.exported.saturating_sub(first)).map_err(Failure::internal)?;
        let mut objects = self.evidence_objects(realm, events.get(new..).unwrap_or_default()).await?;
        objects.extend(log_objects(realm, &log, &events, tile, to)?);
        let destination = destination_of(realm, row)?;
        let mut listed = Vec::new();
        for object in &objects {
            self.ports().archives.put(realm.id, &destination, object).await?;
            kill_point!("archive.put");
            listed.push(Listed {
                key: object.key.clone(),
                sha256: hex::encode(digest(&SHA256, &object.content)),
                kept_until: object.kept_until,
            });
        }
        let manifest = Manifest {
            format: FORMAT,
            tenant: realm.id.to_string(),
            slug: &realm.record.slug,
            epoch: row.epoch,
            from: row.exported,
            to,
            trust: self.trust_of(realm).await?,
            objects: listed,
        };
        let key = format!("manifest/{:05}/{:012}-{to:012}.json", row.epoch, row.exported);
        let content = serde_json::to_vec(&manifest).map_err(Failure::from)?;
        self.ports().archives.put(realm.id, &destination, &object(realm, "manifest", key, content, None)).await?;
        Ok(Some(ArchiveRow { exported: to, ..row.clone() }))
    }

    /// The evidence of what was signed, and anew of what was withdrawn.
    async fn evidence_objects(&self, realm: &Realm, events: &[EventRow]) -> Result<Vec<Object>, Failure> {
        let mut objects = Vec::new();
        for event in events {
            let (_, canonical) = opened(realm, event)?;
            let told: Value = serde_json::from_str(&canonical)?;
            let says = |pointer: &str| told.pointer(pointer).and_then(Value::as_str);
            let is = |act: &str| says("/act") == Some(act) && says("/outcome") == Some("done");
            let id = says("/detail/signature").and_then(|id| id.parse::<SignatureId>().ok());
            let Some(id) = id.filter(|_| is("signature.create") || is("signature.withdraw")) else { continue };
            let Some(signature) = realm.view.signature(id).await? else { continue };
            objects.extend(self.evidence_object(realm, signature.event, (id, event.id), signature.kept_until).await?);
        }
        Ok(objects)
    }

    /// The evidence of an act as it stands after an event; nothing if what it made was removed since.
    async fn evidence_object(
        &self,
        realm: &Realm,
        act: EventId,
        (id, after): (SignatureId, EventId),
        kept_until: Option<Timestamp>,
    ) -> Result<Option<Object>, Failure> {
        match self.evidence_of(realm, act, View::Full).await {
            Ok(bundle) => {
                let content = serde_json::to_vec(&bundle)?;
                Ok(Some(object(realm, "evidence", format!("evidence/{id}/{after}.json"), content, kept_until)))
            }
            Err(Failure::Gone(_)) => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

/// A tile of the log as lines of an export; with the last one the first line of an export, with the checkpoint: before the lines of all tiles
/// it makes an export that verifies.
fn log_objects(realm: &Realm, log: &LogRow, events: &[EventRow], tile: u64, to: u64) -> Result<Vec<Object>, Failure> {
    let mut lines = Vec::new();
    for event in events {
        let (salt, canonical) = opened(realm, event)?;
        serde_json::to_writer(&mut lines, &ExportEntry { leaf: hex::encode(event.leaf), salt: hex::encode(salt), event: canonical })?;
        lines.push(b'\n');
    }
    let epoch = log.epoch;
    let whole = events.len() == TILE_WIDTH;
    let name =
        if whole { format!("log/{epoch:05}/{tile:012}.jsonl") } else { format!("log/{epoch:05}/{tile:012}.p/{:03}.jsonl", events.len()) };
    let checkpoint = String::from_utf8(log.checkpoint.clone()).map_err(Failure::internal)?;
    let head = ExportHead { chancery_log_export: EXPORT_VERSION, tenant: realm.id.to_string(), epoch, checkpoint };
    let mut first = serde_json::to_vec(&head)?;
    first.push(b'\n');
    let of_log = |key, content| object(realm, "log", key, content, None);
    let mut objects = vec![of_log(name, lines)];
    if to == log.size {
        objects.push(of_log(format!("log/{epoch:05}/head/{to:012}.jsonl"), first));
    }
    Ok(objects)
}

fn object(realm: &Realm, kind: &str, key: String, content: Vec<u8>, kept_until: Option<Timestamp>) -> Object {
    let metadata = BTreeMap::from([
        ("chancery-format", FORMAT.to_owned()),
        ("chancery-tenant", realm.id.to_string()),
        ("chancery-kind", kind.to_owned()),
    ]);
    Object { key, content, metadata, kept_until }
}
