//! Folders, files, disk space and backups.

use super::Finding;
use crate::config::{Config, KeyringPlace, RootKeySource};
use crate::system::SystemClock;
use chancery_domain::Timestamp;
use chancery_domain::port::Clock;
use chancery_store::{Content, Manifest};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Less than this, in bytes, and commits soon fail.
const LITTLE: u64 = 256 << 20;
/// Less than this is time to act.
const SCARCE: u64 = 2 << 30;
/// A data backup older than this is said, in seconds: a daily one with two hours to spare.
const OLD: i64 = 26 * 3600;

pub(super) fn look(config: &Config, backups: Option<&Path>) -> Vec<Finding> {
    let mut private: Vec<PathBuf> = Vec::new();
    if config.database.is_none() {
        private.extend([config.data_dir.clone(), config.data_dir.join("tenants"), config.data_dir.join("platform.db")]);
    }
    if let KeyringPlace::File(file) = &config.keyring {
        private.extend(file.parent().map(Path::to_owned).into_iter().chain([file.clone()]));
    }
    if let RootKeySource::File(file) | RootKeySource::Credential(file) = &config.root_key {
        private.push(file.clone());
    }
    let mut findings: Vec<_> = private.iter().filter_map(|path| exposed(path)).collect();
    if findings.is_empty() {
        findings.push(Finding::ok("modes", format!("{} folders and files are this user's alone", private.len())));
    }
    let mut places: Vec<&Path> = private.iter().map(PathBuf::as_path).filter(|path| path.is_dir()).collect();
    places.truncate(1);
    findings.extend(places.into_iter().map(space));
    findings.push(age(backups, SystemClock::new().now()));
    findings
}

/// What is missing, somebody else's, or open to others.
fn exposed(path: &Path) -> Option<Finding> {
    let shown = path.display();
    let Ok(found) = std::fs::metadata(path) else {
        return Some(Finding::fault(
            "modes",
            format!("{shown} is missing, or this user may not see it"),
            "operator: run doctor as the server's user and with its configuration; `chancery init` makes what was never there",
        ));
    };
    let me = rustix::process::geteuid().as_raw();
    if found.uid() != me {
        let seen = format!("{shown} belongs to user {}, this is user {me}", found.uid());
        return Some(Finding::fault("modes", seen, "operator: chown it to the server's user"));
    }
    if found.mode() & 0o077 != 0 {
        let seen = format!("{shown} has mode {:o}: others may enter or read it", found.mode() & 0o777);
        return Some(Finding::fault("modes", seen, "operator: chmod go= on it, and find out who had access"));
    }
    None
}

fn space(folder: &Path) -> Finding {
    let advice = "operator: free space or enlarge the disk; when it is full nothing is acknowledged any more";
    match rustix::fs::statvfs(folder) {
        Ok(found) => of_space(found.f_bavail.saturating_mul(found.f_frsize), folder, advice),
        Err(error) => Finding::fault("disk space", format!("{}: {error}", folder.display()), "operator: look at the disk"),
    }
}

fn of_space(free: u64, folder: &Path, advice: &'static str) -> Finding {
    let seen = format!("{} MB free at {}", free >> 20, folder.display());
    match free {
        free if free < LITTLE => Finding::fault("disk space", seen, advice),
        free if free < SCARCE => Finding::warning("disk space", seen, advice),
        _ => Finding::ok("disk space", seen),
    }
}

/// The age of the newest backup of the data.
fn age(backups: Option<&Path>, now: Timestamp) -> Finding {
    const CHECK: &str = "last backup";
    let Some(folder) = backups else {
        return Finding::warning(CHECK, "not looked for", "operator: name the folder of the data's backups with --backups");
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let manifests = entries.filter_map(|entry| Manifest::read(&entry.path()).ok());
    let newest = manifests.filter(|manifest| manifest.content == Content::Data).map(|manifest| manifest.taken_at).max();
    let advice = "operator: run `chancery backup` daily, and look why it was not";
    match newest {
        None => Finding::fault(CHECK, format!("{} holds no finished backup of the data", folder.display()), advice),
        Some(at) if now.seconds() - at.seconds() > OLD => Finding::fault(CHECK, format!("taken at {at}"), advice),
        Some(at) => Finding::ok(CHECK, format!("taken at {at}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;
    use std::time::Duration;

    #[test]
    fn little_space_is_a_fault() {
        let verdict = |free| of_space(free, Path::new("/"), "").verdict;
        assert_eq!((verdict(LITTLE - 1), verdict(LITTLE), verdict(SCARCE)), (Verdict::Fault, Verdict::Warning, Verdict::Ok));
    }

    #[test]
    fn an_old_backup_is_a_fault_and_none_too() {
        let folder = tempfile::tempdir().unwrap();
        let taken = Timestamp::parse("2026-11-21T00:00:00Z").unwrap();
        let verdict = |after: u64| age(Some(folder.path()), taken.after(Duration::from_secs(after))).verdict;
        assert_eq!(age(None, taken).verdict, Verdict::Warning);
        assert_eq!(verdict(0), Verdict::Fault);
        let manifest = format!(
            r#"{{"format":1,"program":"0","content":"data","engine":"sqlite","taken_at":"{taken}","schema":1,"tenants":[],"files":{{}}}}"#
        );
        std::fs::create_dir(folder.path().join("one")).unwrap();
        // A keyring's backup is none of the data.
        std::fs::write(folder.path().join("one/manifest.json"), manifest.replace("data", "keyring")).unwrap();
        assert_eq!(verdict(0), Verdict::Fault);
        std::fs::write(folder.path().join("one/manifest.json"), manifest).unwrap();
        assert_eq!((verdict(0), verdict(26 * 3600), verdict(26 * 3600 + 1)), (Verdict::Ok, Verdict::Ok, Verdict::Fault));
    }
}
