//! A disk on which only what was synced is sure: files with their unsynced changes, folders with their unsynced entries.

use super::loss::Mood;
use super::record::Op;
use anyhow::{Context, Result};
use chancery_testkit::chance::Chance;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What a disk writes whole.
const SECTOR: usize = 512;

/// The disk as the steps so far left it.
#[derive(Default)]
pub(super) struct Disk {
    files: Vec<Content>,
    /// Entries of folders as they are now, and as far as they were synced.
    now: Names,
    sure: Names,
    unsynced: Vec<Naming>,
}

type Names = BTreeMap<PathBuf, Entry>;

#[derive(Clone, Copy)]
enum Entry {
    Folder,
    /// A file's place among the contents.
    File(usize),
}

/// A change of a folder's entries, which happens whole or not at all.
enum Naming {
    Added(PathBuf, Entry),
    Renamed(PathBuf, PathBuf, Entry),
    Removed(PathBuf),
}

#[derive(Default)]
struct Content {
    sure: Vec<u8>,
    unsynced: Vec<Change>,
    /// Its length now.
    length: usize,
}

enum Change {
    Written(usize, Vec<u8>),
    Resized(usize),
}

impl Disk {
    /// Takes the next step.
    pub(super) fn take(&mut self, op: &Op) -> Result<()> {
        match op {
            Op::MadeFolder(path) => self.name(Naming::Added(path.clone(), Entry::Folder)),
            Op::MadeFile(path) => match self.now.get(path) {
                Some(Entry::File(_)) => self.content(path)?.change(Change::Resized(0)),
                _ => {
                    self.files.push(Content::default());
                    self.name(Naming::Added(path.clone(), Entry::File(self.files.len() - 1)));
                }
            },
            Op::Written(path, at, bytes) => {
                let content = self.content(path)?;
                content.change(Change::Written(at.unwrap_or(content.length), bytes.clone()));
            }
            Op::Resized(path, length) => self.content(path)?.change(Change::Resized(*length)),
            Op::SyncedFile(path) => self.content(path)?.sync(),
            Op::SyncFailed(path, seed) => self.content(path)?.fail(&mut Chance::of(*seed)),
            Op::Renamed(from, to) => {
                let entry = self.now.get(from).copied().with_context(|| format!("{} was never made", from.display()))?;
                self.name(Naming::Renamed(from.clone(), to.clone(), entry));
            }
            Op::Removed(path) => self.name(Naming::Removed(path.clone())),
            Op::SyncedFolder(folder) => {
                let (synced, rest) = std::mem::take(&mut self.unsynced).into_iter().partition(|naming| naming.folder() == Some(folder));
                self.unsynced = rest;
                let synced: Vec<Naming> = synced;
                synced.iter().for_each(|naming| naming.apply(&mut self.sure));
            }
        }
        Ok(())
    }

    /// Changes that a loss now might undo.
    pub(super) fn unsynced(&self) -> usize {
        self.unsynced.len() + self.files.iter().map(|file| file.unsynced.len()).sum::<usize>()
    }

    /// The disk after a loss of power, written under `to` as it stood under `from`.
    pub(super) fn write(&self, from: &Path, to: &Path, chance: &mut Chance) -> Result<()> {
        let mut names = self.sure.clone();
        let mut mood = Mood::of(chance, self.unsynced.len());
        for naming in &self.unsynced {
            if mood.keeps(chance) {
                naming.apply(&mut names);
            }
        }
        // In the order of their names, so that a folder comes before what is in it.
        for (path, entry) in &names {
            let place = to.join(path.strip_prefix(from)?);
            // What is in a folder that was lost is lost.
            if !place.parent().is_some_and(Path::is_dir) {
                continue;
            }
            match entry {
                Entry::Folder => fs::DirBuilder::new().mode(0o700).create(&place)?,
                Entry::File(at) => {
                    let content = self.files.get(*at).context("a file has no content")?.after_loss(chance);
                    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&place)?.write_all(&content)?;
                }
            }
        }
        Ok(())
    }

    fn name(&mut self, naming: Naming) {
        naming.apply(&mut self.now);
        self.unsynced.push(naming);
    }

    fn content(&mut self, path: &Path) -> Result<&mut Content> {
        match self.now.get(path) {
            Some(Entry::File(at)) => self.files.get_mut(*at).context("a file has no content"),
            _ => anyhow::bail!("{} was changed and never made", path.display()),
        }
    }
}

impl Naming {
    fn folder(&self) -> Option<&Path> {
        match self {
            Self::Added(path, _) | Self::Renamed(_, path, _) | Self::Removed(path) => path.parent(),
        }
    }

    fn apply(&self, names: &mut Names) {
        match self {
            Self::Added(path, entry) => {
                names.insert(path.clone(), *entry);
            }
            Self::Renamed(from, to, entry) => {
                names.remove(from);
                names.insert(to.clone(), *entry);
            }
            Self::Removed(path) => {
                names.remove(path);
            }
        }
    }
}

impl Content {
    fn change(&mut self, change: Change) {
        self.length = match &change {
            Change::Written(at, bytes) => self.length.max(at + bytes.len()),
            Change::Resized(length) => *length,
        };
        self.unsynced.push(change);
    }

    fn sync(&mut self) {
        for change in std::mem::take(&mut self.unsynced) {
            change.apply(&mut self.sure);
        }
    }

    /// A failed sync: what the kernel could not write it does not try again.
    fn fail(&mut self, chance: &mut Chance) {
        self.sure = self.after_loss(chance);
        self.unsynced.clear();
    }

    /// Each sector as it was at its last sync or after any change since; the length likewise; at most one sector torn within.
    fn after_loss(&self, chance: &mut Chance) -> Vec<u8> {
        let (mut memory, mut disk) = (self.sure.clone(), self.sure.clone());
        let mut mood = Mood::of(chance, self.unsynced.len());
        let mut length = memory.len();
        for change in &self.unsynced {
            change.apply(&mut memory);
            let kept = mood.keeps(chance);
            if kept {
                length = memory.len();
            }
            let Change::Written(at, bytes) = change else { continue };
            for sector in at / SECTOR..(at + bytes.len()).div_ceil(SECTOR) {
                if mood.keeps_sector(kept, chance) {
                    let torn = mood.tears(chance).then(|| chance.below(SECTOR));
                    copy(&memory, &mut disk, sector * SECTOR, torn.unwrap_or(SECTOR));
                }
            }
        }
        disk.resize(length, 0);
        disk
    }
}

/// Copies so many bytes from memory to the disk, which grows as needed.
fn copy(memory: &[u8], disk: &mut Vec<u8>, from: usize, bytes: usize) {
    let to = (from + bytes).min(memory.len());
    if disk.len() < to {
        disk.resize(to, 0);
    }
    if let (Some(target), Some(source)) = (disk.get_mut(from..to), memory.get(from..to)) {
        target.copy_from_slice(source);
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Written(at, bytes) => {
                let end = at + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                if let Some(place) = content.get_mut(*at..end) {
                    place.copy_from_slice(bytes);
                }
            }
            Self::Resized(length) => content.resize(*length, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn written(text: &str, at: usize) -> Op {
        Op::Written("/d/file".into(), Some(at), text.repeat(SECTOR).into_bytes())
    }

    /// What a folder `d` holds after losses of all seeds: the contents of its file by first letters of sectors; none without one.
    fn losses(ops: &[Op]) -> BTreeSet<Option<String>> {
        let mut disk = Disk::default();
        let made = [Op::MadeFolder("/d".into()), Op::SyncedFolder("/".into())];
        made.iter().chain(ops).for_each(|op| disk.take(op).unwrap());
        let after = |seed| {
            let to = tempfile::tempdir().unwrap();
            disk.write(Path::new("/"), to.path(), &mut Chance::of(seed)).unwrap();
            let content = fs::read_to_string(to.path().join("d/file")).ok()?;
            Some(content.chars().step_by(SECTOR).map(|letter| if letter == '\0' { '0' } else { letter }).collect())
        };
        (0..400).map(after).collect()
    }

    fn all(contents: &[&str]) -> BTreeSet<Option<String>> {
        contents.iter().map(|content| Some((*content).to_owned())).collect()
    }

    #[test]
    fn what_was_synced_stays_and_nothing_else_is_sure() {
        let made = || vec![Op::MadeFile("/d/file".into()), Op::SyncedFolder("/d".into())];
        let mut ops = made();
        ops.extend([written("a", 0), written("b", SECTOR), Op::SyncedFile("/d/file".into())]);
        assert_eq!(losses(&ops), all(&["ab"]));
        // Each sector for itself, in any order, and the length old or new.
        ops.push(written("cc", SECTOR));
        assert_eq!(losses(&ops), all(&["ab", "ac", "ab0", "abc", "ac0", "acc"]));
        ops.push(Op::SyncedFile("/d/file".into()));
        assert_eq!(losses(&ops), all(&["acc"]));
        ops.push(Op::Resized("/d/file".into(), SECTOR));
        assert_eq!(losses(&ops), all(&["a", "acc"]));
        let mut failed = made();
        failed.extend([written("a", 0), Op::SyncedFile("/d/file".into()), written("b", 0), Op::SyncFailed("/d/file".into(), 1)]);
        failed.extend([written("c", SECTOR), Op::SyncedFile("/d/file".into())]);
        let [one] = Vec::from_iter(losses(&failed)).try_into().unwrap();
        assert!(one.is_some_and(|content| ["ac", "bc"].contains(&content.as_str())), "whichever it was, it stays so");
        let mut torn = made();
        torn.extend([written("a", 0), Op::SyncedFile("/d/file".into()), written("b", 0)]);
        let mut disk = Disk::default();
        disk.take(&Op::MadeFolder("/d".into())).unwrap();
        torn.iter().for_each(|op| disk.take(op).unwrap());
        let mixed = |seed| {
            let content = disk.files[0].after_loss(&mut Chance::of(seed));
            content.contains(&b'a') && content.contains(&b'b')
        };
        assert!((0..400).any(mixed), "no sector is torn");
    }

    #[test]
    fn an_entry_stays_with_its_folders_sync() {
        let mut ops =
            vec![Op::MadeFile("/d/new".into()), Op::Written("/d/new".into(), None, vec![b'a'; SECTOR]), Op::SyncedFile("/d/new".into())];
        ops.push(Op::Renamed("/d/new".into(), "/d/file".into()));
        assert_eq!(losses(&ops), BTreeSet::from([None, Some("a".to_owned())]));
        ops.push(Op::SyncedFolder("/d".into()));
        assert_eq!(losses(&ops), all(&["a"]));
        ops.push(Op::Removed("/d/file".into()));
        assert_eq!(losses(&ops), BTreeSet::from([None, Some("a".to_owned())]), "a removal may be undone");
    }
}
