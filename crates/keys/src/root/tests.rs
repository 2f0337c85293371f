//! Root keys: their text form, their file and its mode.

use super::*;
use crate::doubles::{ROOT, Seeded};
use std::os::unix::fs::PermissionsExt;

fn file(mode: u32, content: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("root.key");
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    (directory, path)
}

#[test]
fn a_created_file_is_private_reads_back_and_is_never_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("root.key");
    let made = RootKey::create_file(&path, &Seeded::new(1)).ok().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!((text.len(), text.ends_with('\n')), (65, true));
    assert_eq!(RootKey::from_file(&path).ok().unwrap().0.expose(), made.0.expose());
    assert_eq!(RootKey::from_hex(text.trim_end()).ok().unwrap().0.expose(), made.0.expose());
    assert!(matches!(RootKey::create_file(&path, &Seeded::new(2)), Err(RootKeyError::Exists(_))));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_file_that_others_can_read_is_refused() {
    for (mode, as_file, as_credential) in [
        (0o600, true, true),
        (0o400, true, true),
        (0o440, false, true),
        (0o640, false, true),
        (0o660, false, false),
        (0o644, false, false),
        (0o604, false, false),
        (0o444, false, false),
        (0o700, false, false),
    ] {
        let (_directory, path) = file(mode, &format!("{ROOT}\n"));
        for (read, accepted) in [(RootKey::from_file(&path), as_file), (RootKey::from_credential(&path), as_credential)] {
            match read {
                Ok(_) => assert!(accepted, "{mode:o}"),
                Err(RootKeyError::Mode { mode: named, .. }) => assert!(!accepted && named == mode, "{mode:o}"),
                Err(other) => panic!("{mode:o}: {other}"),
            }
        }
    }
    let (_directory, path) = file(0o644, ROOT);
    assert!(RootKey::from_file(&path).err().unwrap().to_string().contains("chmod 600"));
}

#[test]
fn what_is_no_key_is_refused_without_being_shown() {
    let long = format!("{ROOT}0");
    for bad in ["", &ROOT[..62], &ROOT[..63], &long, &ROOT.replace("1f", "zz"), &format!(" {}", &ROOT[1..])] {
        let error = RootKey::from_hex(bad).err().unwrap();
        assert!(matches!(error, RootKeyError::NotAKey), "{bad}");
        assert!(!format!("{error} {error:?}").contains("0a0b0c"));
        let (_directory, path) = file(0o600, &format!("{bad}\n"));
        let error = RootKey::from_file(&path).err().unwrap();
        assert!(matches!(error, RootKeyError::NotAKeyFile(_)), "{bad}");
        assert!(!format!("{error} {error:?}").contains("0a0b0c"));
    }
    let (_directory, path) = file(0o600, &format!("{ROOT}\n{ROOT}\n"));
    assert!(matches!(RootKey::from_file(&path), Err(RootKeyError::NotAKeyFile(_))));
    assert!(matches!(RootKey::from_file(&path.with_extension("absent")), Err(RootKeyError::File { .. })));
}

#[test]
fn the_check_value_tells_keys_apart_and_is_no_part_of_them() {
    let key = RootKey::from_hex(ROOT).ok().unwrap();
    let other = RootKey::from_hex(&ROOT.replace("1f", "1e")).ok().unwrap();
    let check = key.check_value().unwrap();
    assert_eq!(check, key.check_value().unwrap());
    assert_ne!(check, other.check_value().unwrap());
    let keyring = key.keyring_key(1).unwrap();
    assert!(!key.0.expose().windows(8).chain(keyring.expose().windows(8)).any(|window| window == check));
    assert_ne!(keyring.expose(), key.keyring_key(2).unwrap().expose());
}
