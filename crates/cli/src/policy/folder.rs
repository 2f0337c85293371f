//! Reading a bundle from a folder: only what belongs to it, and nothing that lies elsewhere.

use crate::ended::Ended;
use chancery_policy::{Bundle, FIXTURES, MOST_BYTES, MOST_FILES};
use std::fs::{self, DirEntry, File};
use std::io::Read;
use std::path::Path;

/// The bundle that a folder is: its `*.rego`, and `fixtures/*.json`. What begins with a dot, and a README, is left aside.
pub(super) fn read(folder: &Path) -> Result<Bundle, Ended> {
    let mut files = Vec::new();
    for entry in entries(folder)? {
        let name = name(&entry)?;
        match (kind(&entry)?, name.as_str()) {
            (Kind::File, "README.md") => {}
            (Kind::Folder, _) if format!("{name}/") == FIXTURES => {
                for fixture in entries(&entry.path())? {
                    let path = format!("{FIXTURES}{}", self::name(&fixture)?);
                    match kind(&fixture)? {
                        Kind::File => files.push((path, content(&fixture.path())?)),
                        Kind::Folder => return Err(Ended::Policy(format!("{path}: a folder, and fixtures lie in no further one"))),
                    }
                }
            }
            (Kind::Folder, _) => return Err(Ended::Policy(format!("{name}: a folder, and a policy has no folder but {FIXTURES}"))),
            (Kind::File, _) => files.push((name, content(&entry.path())?)),
        }
    }
    Bundle::new(files).map_err(|error| Ended::Policy(format!("{}: {error}", folder.display())))
}

enum Kind {
    File,
    Folder,
}

fn entries(folder: &Path) -> Result<Vec<DirEntry>, Ended> {
    let failed = |source| Ended::File { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            found.push(entry);
        }
        if found.len() > MOST_FILES + 2 {
            return Err(Ended::Policy(format!("{}: more than {MOST_FILES} files", folder.display())));
        }
    }
    Ok(found)
}

fn name(entry: &DirEntry) -> Result<String, Ended> {
    let wrong = |name: std::ffi::OsString| Ended::Policy(format!("{}: the name is not UTF-8", name.display()));
    entry.file_name().into_string().map_err(wrong)
}

/// Of the entry itself: a link is none of both, wherever it leads.
fn kind(entry: &DirEntry) -> Result<Kind, Ended> {
    let kind = entry.file_type().map_err(|source| Ended::File { path: entry.path(), source })?;
    match (kind.is_file(), kind.is_dir()) {
        (true, _) => Ok(Kind::File),
        (_, true) => Ok(Kind::Folder),
        _ => Err(Ended::Policy(format!("{}: neither a file nor a folder; links are not followed", entry.path().display()))),
    }
}

/// At most one byte more than is taken, so that what is too long is seen to be.
fn content(path: &Path) -> Result<Vec<u8>, Ended> {
    let failed = |source| Ended::File { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let most = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path).map_err(failed)?.take(most).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("fixtures")).unwrap();
        for (path, bytes) in files {
            fs::write(folder.path().join(path), bytes).unwrap();
        }
        folder
    }

    fn refused(folder: &Path) -> String {
        read(folder).unwrap_err().to_string()
    }

    #[test]
    fn a_folder_is_a_bundle() {
        let good = folder(&[("a.rego", b"package chancery"), ("README.md", b"x"), (".git", b"x"), ("fixtures/one.json", b"{}")]);
        let bundle = read(good.path()).unwrap();
        assert_eq!(bundle.files().keys().map(String::as_str).collect::<Vec<_>>(), ["a.rego", "fixtures/one.json"]);
    }

    #[test]
    fn links_and_strangers_are_refused() {
        let secret = folder(&[("secret.rego", b"package chancery")]);
        let linked = folder(&[("a.rego", b"package chancery")]);
        std::os::unix::fs::symlink(secret.path().join("secret.rego"), linked.path().join("b.rego")).unwrap();
        assert!(refused(linked.path()).contains("b.rego: neither a file nor a folder; links"), "{}", refused(linked.path()));
        let linked = folder(&[("a.rego", b"package chancery")]);
        fs::remove_dir(linked.path().join("fixtures")).unwrap();
        std::os::unix::fs::symlink(secret.path(), linked.path().join("fixtures")).unwrap();
        assert!(refused(linked.path()).contains("links"), "{}", refused(linked.path()));
        let strange = folder(&[("a.rego", b"package chancery"), ("a.sh", b"rm")]);
        assert!(refused(strange.path()).contains("a.sh"), "{}", refused(strange.path()));
        let text = folder(&[("a.rego", b"\xff")]);
        assert!(refused(text.path()).contains("a.rego: not UTF-8"), "{}", refused(text.path()));
        let long = folder(&[("a.rego", &[b' '; MOST_BYTES + 10])]);
        assert!(refused(long.path()).contains("bytes, at most"), "{}", refused(long.path()));
        let inner = folder(&[("a.rego", b"package chancery")]);
        fs::create_dir(inner.path().join("lib")).unwrap();
        assert!(refused(inner.path()).contains("lib: a folder"), "{}", refused(inner.path()));
    }
}
