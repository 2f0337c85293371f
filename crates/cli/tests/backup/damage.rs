//! Damaged backups, and places that must not be written, are refused by name before anything is touched.

use crate::installation::{Installation, superuser};
use crate::on_both;
use crate::world;
use chancery_testkit::Engine;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

on_both!(
    what_is_backed_up_is_sound_and_whole,
    a_damaged_backup_is_refused_by_name,
    nothing_is_restored_over_something,
    a_backup_needs_a_place_of_its_own,
    two_backups_do_not_share_a_folder,
    a_tenant_is_not_left_out_of_a_restore,
    nothing_is_made_where_nothing_is
);

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() { found.extend(files(&entry)) } else { found.push(entry) }
    }
    found
}

async fn refused(other: &Installation, words: &[&str], named: &str) {
    let ended = other.run(words).await;
    assert!(ended.code.is_some_and(|code| code != 0), "{words:?} was done");
    assert!(ended.said.contains(named), "{words:?}: {named} is not named: {}", ended.said);
    assert!(other.is_empty().await, "{words:?} touched the place");
}

async fn a_damaged_backup_is_refused_by_name(engine: Engine) {
    let place = Installation::new(engine).await;
    let (server, ..) = world::begin(&place).await;
    let [data, keys] = world::backed_up(&place).await;
    server.stop().await;
    let other = Installation::new(engine).await;
    let mut damaged = 0;
    let manifest = Path::new(&data).join("manifest.json");
    let whole = fs::read_to_string(&manifest).unwrap();
    // A change that breaks nothing but the manifest's word.
    fs::write(&manifest, whole.replacen("\"taken_at\": \"20", "\"taken_at\": \"19", 1)).unwrap();
    refused(&other, &["restore", &data], "manifest.json").await;
    fs::write(&manifest, &whole).unwrap();
    if engine == Engine::Sqlite {
        // Whoever could write the backup could write its sums, too: not so where its files go.
        let named = whole.replacen("\"platform.db\"", "\"lock\"", 1);
        fs::rename(Path::new(&data).join("platform.db"), Path::new(&data).join("lock")).unwrap();
        reseal(&manifest, &named);
        refused(&other, &["restore", &data], "belongs into a data directory").await;
        fs::rename(Path::new(&data).join("lock"), Path::new(&data).join("platform.db")).unwrap();
        reseal(&manifest, &whole);
    }
    for (folder, keyring) in [(&data, false), (&keys, true)] {
        let words: Vec<&str> = if keyring { vec!["restore", "--keyring", folder] } else { vec!["restore", folder] };
        let all = files(Path::new(folder));
        assert!(all.len() >= if engine == Engine::Sqlite && !keyring { 4 } else { 2 }, "{all:?}");
        for path in all {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let whole = fs::read(&path).unwrap();
            for at in [0, whole.len() / 2, whole.len() - 1] {
                let mut flipped = whole.clone();
                flipped[at] ^= 0x20;
                fs::write(&path, flipped).unwrap();
                let ended = other.run(&words).await;
                assert_ne!(ended.code, Some(0), "{name} with byte {at} flipped was restored");
                assert!(name.starts_with("manifest.") || ended.said.contains(&name), "{name}: {}", ended.said);
                assert!(other.is_empty().await);
                damaged += 1;
            }
            fs::write(&path, &whole[..whole.len() - 1]).unwrap();
            let ended = other.run(&words).await;
            assert!(ended.code != Some(0) && (name.starts_with("manifest.") || ended.said.contains(&name)), "{}", ended.said);
            fs::remove_file(&path).unwrap();
            refused(&other, &words, if name == "manifest.sha256" { "manifest" } else { &name }).await;
            fs::write(&path, &whole).unwrap();
        }
        let extra = Path::new(folder).join("extra.db");
        fs::write(&extra, "x").unwrap();
        refused(&other, &words, "extra.db").await;
        fs::remove_file(&extra).unwrap();
    }
    // Each for what it is.
    refused(&other, &["restore", &keys], "--keyring").await;
    refused(&other, &["restore", "--keyring", &data], "--keyring").await;
    println!("{engine:?}: {damaged} flipped bytes refused");
    // And whole again it is taken.
    other.take_root_key(&place);
    other.done(&["restore", "--keyring", &keys]).await;
    other.done(&["restore", &data]).await;
    other.serve().await.stop().await;
}

/// Writes a manifest with its sum.
fn reseal(manifest: &Path, text: &str) {
    fs::write(manifest, text).unwrap();
    let folder = manifest.parent().unwrap();
    let sum = std::process::Command::new("sha256sum").arg("manifest.json").current_dir(folder).output().unwrap();
    fs::write(folder.join("manifest.sha256"), sum.stdout).unwrap();
}

/// A folder with PostgreSQL's programs, of which one is called with a further argument.
fn programs_with(place: &Installation, program: &str, argument: &str) -> String {
    let folder = place.path(&format!("with{argument}"));
    fs::create_dir(&folder).unwrap();
    for name in ["pg_dump", "pg_restore"] {
        let real = chancery_testkit::cluster::programs().join(name).display().to_string();
        let argument = if name == program { argument } else { "" };
        fs::write(folder.join(name), format!("#!/bin/sh\nexec {real} \"$@\" {argument}\n")).unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder.display().to_string()
}

async fn what_is_backed_up_is_sound_and_whole(engine: Engine) {
    let place = Installation::new(engine).await;
    let (server, _, tenants) = world::begin(&place).await;
    server.stop().await;
    if engine == Engine::Sqlite {
        let file = place.path(&format!("data/tenants/{}.db", tenants[0].id));
        let mut broken = fs::read(&file).unwrap();
        broken[4096..8192].fill(0xff);
        fs::write(&file, &broken).unwrap();
        let ended = place.run(&["backup", &place.text("copy/data")]).await;
        assert!(ended.code == Some(1) && ended.said.contains(&tenants[0].id), "{}", ended.said);
        assert!(!place.path("copy/data").exists());
        return;
    }
    // The owner is bound by row level security, and would back up nothing.
    let copy = place.text("copy/data");
    let programs = chancery_testkit::cluster::programs().display().to_string();
    let mut as_owner = place.command(&["backup", &copy, "--postgres-programs", &programs]);
    let ended = as_owner.env_remove("CHANCERY_DATABASE_BACKUP_URL").output().await.unwrap();
    assert!(String::from_utf8_lossy(&ended.stderr).contains("would back up nothing"), "{ended:?}");
    let less = programs_with(&place, "pg_dump", "--exclude-table-data=tenant.event");
    let ended = place.run(&["backup", &copy, "--postgres-programs", &less]).await;
    assert!(ended.code == Some(1) && ended.said.contains("tenant.event"), "{}", ended.said);
    assert!(!place.path("copy/data").exists());
    place.done(&["backup", &copy]).await;
    let other = Installation::new(engine).await;
    let less = programs_with(&other, "pg_restore", "--schema-only");
    let ended = other.run(&["restore", &copy, "--postgres-programs", &less]).await;
    assert!(ended.code == Some(1) && ended.said.contains("were restored"), "{}", ended.said);
    assert!(other.run(&["init"]).await.said.contains("was not finished"));
    other.done(&["restore", &copy]).await;
}

async fn nothing_is_restored_over_something(engine: Engine) {
    let place = Installation::new(engine).await;
    let (server, ..) = world::begin(&place).await;
    let [data, keys] = world::backed_up(&place).await;
    // While it serves, and when it has stopped.
    for _ in 0..2 {
        assert_ne!(place.run(&["restore", &data]).await.code, Some(0));
        assert_ne!(place.run(&["restore", "--keyring", &keys]).await.code, Some(0));
    }
    server.stop().await;
    let ended = place.run(&["restore", &data]).await;
    assert!(ended.code == Some(5) && ended.said.contains("not empty"), "{}", ended.said);
    assert_eq!(place.run(&["restore", "--keyring", &keys]).await.code, Some(5));
    place.serve().await.stop().await;
    // Something that is not ours is something, too.
    let other = Installation::new(engine).await;
    match &other.data {
        None => {
            fs::create_dir_all(other.path("data")).unwrap();
            fs::write(other.path("data/notes.txt"), "mine").unwrap();
        }
        Some(database) => superuser(database).await.batch_execute("CREATE TABLE public.notes (t TEXT)").await.unwrap(),
    }
    let ended = other.run(&["restore", &data]).await;
    assert!(ended.code == Some(5) && ended.said.contains("notes"), "{}", ended.said);
}

async fn a_backup_needs_a_place_of_its_own(engine: Engine) {
    let place = Installation::new(engine).await;
    place.done(&["init"]).await;
    let data = place.text("copy/data");
    place.done(&["backup", &data]).await;
    assert_eq!(place.run(&["backup", &data]).await.code, Some(5));
    for together in ["copy/keyring", "copy/data/keyring"] {
        let ended = place.run(&["backup", "--keyring", &place.text(together)]).await;
        assert!(ended.code == Some(2) && ended.said.contains("kept apart"), "{}", ended.said);
    }
    assert_eq!(place.run(&["backup", &place.text("data/copy")]).await.code, Some(2));
    // Nothing of the keys is in the data's backup, nor the other way round.
    let names: Vec<_> = files(Path::new(&data)).iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert!(!names.iter().any(|name| name.contains("key")), "{names:?}");
}

async fn two_backups_do_not_share_a_folder(engine: Engine) {
    let place = Installation::new(engine).await;
    place.done(&["init"]).await;
    let data = place.text("copy/data");
    // What another one is writing.
    let draft = place.path("copy/data.unfinished");
    fs::create_dir_all(&draft).unwrap();
    fs::write(draft.join("half"), "of another").unwrap();
    let other = fs::File::open(&draft).unwrap();
    other.lock().unwrap();
    let ended = place.run(&["backup", &data]).await;
    assert!(ended.code == Some(5) && ended.said.contains("under way"), "{}", ended.said);
    assert_eq!(fs::read(draft.join("half")).unwrap(), b"of another");
    // Whoever is gone writes no more.
    drop(other);
    place.done(&["backup", &data]).await;
    assert!(!draft.exists() && !Path::new(&data).join("half").exists());
    // Of two at once one does it.
    let data = place.text("copy/again");
    let words = ["backup", &data];
    let (one, two) = tokio::join!(place.run(&words), place.run(&words));
    let mut codes = [one.code, two.code];
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(5)], "{} {}", one.said, two.said);
    Installation::new(engine).await.done(&["restore", &data]).await;
}

async fn a_tenant_is_not_left_out_of_a_restore(engine: Engine) {
    let place = Installation::new(engine).await;
    let (server, _, tenants) = world::begin(&place).await;
    let [data, keys] = world::backed_up(&place).await;
    server.stop().await;
    let manifest = Path::new(&data).join("manifest.json");
    let mut named: serde_json::Value = serde_json::from_str(&fs::read_to_string(&manifest).unwrap()).unwrap();
    let lost = &tenants[1].id;
    if engine == Engine::Sqlite {
        // Its sums fit, and the file is gone.
        named["files"].as_object_mut().unwrap().remove(&format!("tenants/{lost}.db")).unwrap();
        fs::remove_file(Path::new(&data).join(format!("tenants/{lost}.db"))).unwrap();
    } else {
        named["tenants"].as_array_mut().unwrap().retain(|tenant| tenant != lost.as_str());
    }
    reseal(&manifest, &named.to_string());
    let other = Installation::new(engine).await;
    let ended = other.run(&["restore", &data]).await;
    assert!(ended.code == Some(1) && ended.said.contains(lost), "{}", ended.said);
    // With its keys it is not served either: SQLite's files are counted before anything is touched, PostgreSQL's rows when they are there.
    other.take_root_key(&place);
    other.done(&["restore", "--keyring", &keys]).await;
    fails(&other, &[&["serve"]], if engine == Engine::Sqlite { "not initialised" } else { "was not finished" }).await;
}

/// Each fails, and what is looked for there is named.
async fn fails(place: &Installation, commands: &[&[&str]], named: &str) {
    for words in commands {
        let ended = tokio::time::timeout(std::time::Duration::from_secs(20), place.run(words)).await;
        let ended = ended.unwrap_or_else(|_| panic!("{words:?} goes on"));
        assert!(ended.code.is_some_and(|code| code != 0), "{words:?} was done");
        let said = format!("{}{}", ended.said, ended.out);
        assert!(said.contains(named), "{words:?}: {named} is not named: {said}");
    }
}

async fn nothing_is_made_where_nothing_is(engine: Engine) {
    let place = Installation::new(engine).await;
    let (server, _, tenants) = world::begin(&place).await;
    let [data, keys] = world::backed_up(&place).await;
    server.stop().await;
    let lists = place.text("copy");

    let other = Installation::new(engine).await;
    other.take_root_key(&place);
    fails(&other, &[&["serve"], &["reconcile", "--lists", &lists]], "not initialised").await;
    fails(&other, &[&["doctor"]], "holds no keyring").await;
    other.done(&["restore", &data]).await;
    // A keyring that is made beside data opens none of them, and stands where theirs belongs.
    fails(&other, &[&["serve"], &["reconcile", "--lists", &lists], &["doctor"], &["init"]], "holds no keyring").await;
    if engine == Engine::Sqlite {
        let left = other.path("keyring/keyring.db-wal");
        fs::write(&left, "of another").unwrap();
        let ended = other.run(&["restore", "--keyring", &keys]).await;
        assert!(ended.code == Some(5) && ended.said.contains("keyring.db-wal"), "{}", ended.said);
        fs::remove_file(&left).unwrap();
    }
    other.done(&["restore", "--keyring", &keys]).await;
    let server = other.serve().await;
    assert!(!tenants[0].events(&server).await.is_empty());
    server.stop().await;
}
