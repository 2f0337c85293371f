//! What must hold after every step, read below the API: rules over the tables, and over what they said before.

use crate::sim::{START, Sim};
use crate::{lanes, rules, tables};
use chancery_domain::TenantId;
use chancery_evidence::{Checkpoint, Edge, KeyKind, VerifierKey};
use chancery_store::StoreError;
use chancery_store::sqlite::simulation::SimulatedFiles;
use chancery_x509::Crl;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What was seen of each tenant.
#[derive(Default)]
pub(crate) struct Checker {
    seen: BTreeMap<TenantId, Seen>,
    pub(crate) looked: u64,
}

#[derive(Default)]
struct Seen {
    /// The rule over all of its tables.
    foreign: Option<&'static str>,
    /// When its first job is due.
    first_job: Option<i64>,
    /// Whether an event has no place in the log.
    unsequenced: bool,
    /// Checkpoints by epoch, as somebody outside keeps them.
    checkpoints: BTreeMap<String, Vec<Checkpoint>>,
    revoked: BTreeSet<String>,
    events: usize,
    /// By issuer and shard.
    lists: BTreeMap<(String, String), List>,
    /// How many certificates each compromised key has.
    compromised: BTreeMap<String, String>,
    /// How often each private key was fetched, and whether it is still here.
    private_keys: BTreeMap<String, (i64, bool)>,
    /// How many certificates there were when it was first seen suspended.
    when_suspended: Option<usize>,
}

struct List {
    number: i64,
    der: String,
    serials: BTreeSet<String>,
}

type Rows = Vec<Vec<String>>;

/// Events that nobody remembers are found by the lane within this time, in milliseconds.
const UNSEQUENCED: i64 = 60_000;

impl Checker {
    /// Looks at what changed since it was last called.
    pub(crate) fn look(&mut self, files: &Arc<SimulatedFiles>, sim: &Sim) -> Result<(), String> {
        let changed = files.changed();
        for tenant in &changed {
            self.looked += 1;
            self.realm(files, *tenant).map_err(|found| format!("{found}, in {tenant} at {} ms", sim.millis()))?;
        }
        // The lanes of all stand in the platform's file.
        let whose = |tenant: &TenantId| changed.contains(tenant) || changed.contains(&TenantId::PLATFORM);
        let seen = self.seen.iter().filter(|(tenant, _)| whose(tenant));
        let now = START.millis() + sim.millis();
        let first = |seen: &Seen| seen.unsequenced.then_some(now + UNSEQUENCED).into_iter().chain(seen.first_job).min();
        let due: Vec<_> = seen.filter_map(|(tenant, seen)| Some((*tenant, first(seen)?))).collect();
        lanes::look(files, &due, now).map_err(|found| format!("{found}, at {} ms", sim.millis()))
    }

    fn realm(&mut self, files: &Arc<SimulatedFiles>, tenant: TenantId) -> Result<(), String> {
        let seen = self.seen.entry(tenant).or_default();
        if seen.foreign.is_none() {
            seen.foreign = tables::known(files, tenant)?;
        }
        // Registered, and its store is not made yet.
        let Some(foreign) = seen.foreign else { return Ok(()) };
        breaches(files, tenant, foreign)?;
        breaches(files, tenant, rules::REALM)?;
        if tenant == TenantId::PLATFORM {
            breaches(files, tenant, rules::PLATFORM)?;
        }
        seen.look(files, tenant)
    }
}

pub(crate) fn select(files: &SimulatedFiles, tenant: TenantId, query: &'static str) -> Result<Rows, String> {
    match files.select(tenant, query) {
        Ok(rows) => Ok(rows),
        // Registered, and its store is not made yet.
        Err(StoreError::NoRealm) => Ok(Vec::new()),
        Err(error) => Err(format!("the check's own query failed: {error}")),
    }
}

fn breaches(files: &SimulatedFiles, tenant: TenantId, rules: &'static str) -> Result<(), String> {
    let found = select(files, tenant, rules)?;
    if found.is_empty() { Ok(()) } else { Err(found.iter().map(|row| row.join(": ")).collect::<Vec<_>>().join("; ")) }
}

impl Seen {
    fn look(&mut self, files: &SimulatedFiles, tenant: TenantId) -> Result<(), String> {
        let events = select(files, tenant, "SELECT id FROM event WHERE tenant_id = ?1")?.len();
        if events < self.events {
            return Err(format!("the log went from {} events to {events}", self.events));
        }
        self.events = events;
        let first = select(files, tenant, "SELECT min(due_at) FROM job WHERE tenant_id = ?1")?;
        self.first_job = first.first().and_then(|row| row.first()).and_then(|due| due.parse().ok());
        self.unsequenced = !select(files, tenant, "SELECT 1 FROM event WHERE tenant_id = ?1 AND leaf_index IS NULL LIMIT 1")?.is_empty();
        self.checkpoints(files, tenant)?;
        let certificates = select(files, tenant, "SELECT id, status FROM certificate WHERE tenant_id = ?1")?;
        let is_revoked = |row: &&Vec<String>| matches!(row.as_slice(), [_, status] if status == "revoked");
        let revoked: BTreeSet<String> = certificates.iter().filter(is_revoked).filter_map(|row| row.first().cloned()).collect();
        if let Some(lost) = self.revoked.difference(&revoked).next() {
            return Err(format!("a certificate was revoked and is no more: {lost}"));
        }
        self.revoked = revoked;
        self.suspension(&select(files, tenant, "SELECT status FROM tenant WHERE tenant_id = ?1")?, certificates.len())?;
        self.compromised(files, tenant)?;
        self.private_keys(files, tenant)?;
        self.lists(files, tenant)
    }

    /// Every checkpoint is signed over what the log's events come to, and every earlier one over its beginning.
    fn checkpoints(&mut self, files: &SimulatedFiles, tenant: TenantId) -> Result<(), String> {
        for row in select(files, tenant, "SELECT epoch, origin, public_key, checkpoint FROM log WHERE tenant_id = ?1")? {
            let [epoch, origin, key, note]: [String; 4] = row.try_into().map_err(|_| "a row is too short")?;
            let key =
                bytes(&key).and_then(|key| VerifierKey::new(&origin, KeyKind::Log, key.try_into().ok()?).ok()).ok_or("a log has no key")?;
            let signed =
                Checkpoint::open(&bytes(&note).unwrap_or_default(), &key).map_err(|error| format!("the log's checkpoint: {error}"))?;
            let kept = self.checkpoints.entry(epoch).or_default();
            if kept.last() == Some(&signed) {
                continue;
            }
            kept.push(signed);
            let leaves = "SELECT leaf FROM event WHERE tenant_id = ?1 AND leaf_index IS NOT NULL ORDER BY log_epoch, leaf_index";
            let (mut edge, mut next) = (Edge::default(), 0);
            for leaf in select(files, tenant, leaves)?.into_iter().flatten() {
                edge.append(&[bytes(&leaf).and_then(|leaf| leaf.try_into().ok()).ok_or("a leaf is none")?]);
                next += usize::from(kept.get(next).is_some_and(|kept| (kept.size, kept.root) == (edge.size(), edge.root())));
            }
            if let Some(other) = kept.get(next) {
                return Err(format!("a checkpoint over {} events is not over the log's, or not over more than the one before", other.size));
            }
        }
        Ok(())
    }

    /// A compromised key stays so, and is certified no more.
    fn compromised(&mut self, files: &SimulatedFiles, tenant: TenantId) -> Result<(), String> {
        let rows = "SELECT blind, (SELECT count(*) FROM certificate_key k WHERE k.tenant_id = ?1 AND k.blind = s.blind) FROM subject_key s
             WHERE s.tenant_id = ?1 AND s.compromised = 1";
        let now: BTreeMap<_, _> =
            select(files, tenant, rows)?.into_iter().filter_map(|row| <[String; 2]>::try_from(row).ok()).map(Into::into).collect();
        let other = self.compromised.iter().find(|(key, certificates)| now.get(*key) != Some(*certificates));
        if let Some((key, certificates)) = other {
            return Err(format!("a compromised key with {certificates} certificates has {:?}: {key}", now.get(key)));
        }
        self.compromised = now;
        Ok(())
    }

    /// Fetches are never uncounted, and what is erased stays so and is fetched no more.
    fn private_keys(&mut self, files: &SimulatedFiles, tenant: TenantId) -> Result<(), String> {
        for row in select(files, tenant, "SELECT certificate_id, fetches, key IS NOT NULL FROM private_key WHERE tenant_id = ?1")? {
            let [certificate, fetches, here]: [String; 3] = row.try_into().map_err(|_| "a row is too short")?;
            let now = (fetches.parse().unwrap_or(-1), here == "1");
            let (fetched, was_here) = *self.private_keys.get(&certificate).unwrap_or(&(0, true));
            if now.0 < fetched || !was_here && now != (fetched, false) {
                return Err(format!("a private key {:?} is now {now:?}: {certificate}", (fetched, was_here)));
            }
            self.private_keys.insert(certificate, now);
        }
        Ok(())
    }

    /// Who is suspended issues nothing.
    fn suspension(&mut self, status: &Rows, certificates: usize) -> Result<(), String> {
        let suspended = matches!(status.as_slice(), [row] if row.first().is_some_and(|status| status == "suspended"));
        if !suspended {
            self.when_suspended = None;
            return Ok(());
        }
        let before = *self.when_suspended.get_or_insert(certificates);
        if certificates == before { Ok(()) } else { Err(format!("suspended with {before} certificates, it has {certificates}")) }
    }

    /// Numbers of lists rise, nothing leaves a list, and what is revoked is on it or about to be.
    fn lists(&mut self, files: &SimulatedFiles, tenant: TenantId) -> Result<(), String> {
        let mut revoked: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for row in select(files, tenant, "SELECT issuer_id, shard, serial FROM revocation WHERE tenant_id = ?1")? {
            let [issuer, shard, serial] = row.try_into().map_err(|_| "a row is too short")?;
            revoked.entry((issuer, shard)).or_default().insert(serial);
        }
        for row in select(files, tenant, "SELECT issuer_id, shard, number, der FROM crl WHERE tenant_id = ?1")? {
            let [issuer, shard, number, der] = row.try_into().map_err(|_| "a row is too short")?;
            let at = (issuer, shard);
            let number = number.parse().unwrap_or(-1);
            if self.lists.get(&at).is_none_or(|before| before.der != der) {
                let new = List { serials: serials(&der)?, number, der };
                if let Some(before) = self.lists.get(&at) {
                    if number <= before.number {
                        return Err(format!("another list of {at:?} has number {number} after {}", before.number));
                    }
                    if let Some(lost) = before.serials.difference(&new.serials).next() {
                        return Err(format!("{lost} left the list of {at:?}"));
                    }
                }
                self.lists.insert(at.clone(), new);
            }
        }
        let jobs = select(files, tenant, "SELECT subject FROM job WHERE tenant_id = ?1 AND kind = 'crl.publish'")?;
        for ((issuer, shard), serials) in revoked {
            let subject = format!("{issuer}{:08x}", shard.parse::<u32>().unwrap_or(u32::MAX));
            let listed = self.lists.get(&(issuer.clone(), shard)).is_some_and(|list| list.serials.is_superset(&serials));
            if !listed && !jobs.iter().any(|row| row.first() == Some(&subject)) {
                return Err(format!("revoked, on no list, and nobody will publish one: issuer {issuer}"));
            }
        }
        Ok(())
    }
}

/// The serial numbers on a CRL, in hexadecimal digits as stored.
pub(crate) fn serials(der: &str) -> Result<BTreeSet<String>, String> {
    let crl = Crl::from_der(&bytes(der).unwrap_or_default()).map_err(|error| format!("a list is none: {error}"))?;
    Ok(crl.entries().iter().map(|entry| entry.serial.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()).collect())
}

/// What a query shows of a binary column.
fn bytes(hex: &str) -> Option<Vec<u8>> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect()
}
