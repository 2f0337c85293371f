//! Looking for what must not be there: a secret in any form, in files, databases and logs (I6, I9).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use memchr::memmem::Finder;
use std::path::Path;
use std::time::SystemTime;

/// A secret, or anything else that is to be found nowhere.
pub struct Canary {
    name: String,
    forms: Vec<Finder<'static>>,
}

impl Canary {
    /// Looks for these bytes as they are, in hexadecimal, and in base64 wherever they stand in it.
    pub fn new(name: &str, bytes: &[u8]) -> Self {
        assert!(bytes.len() >= 8, "{name} is too short to be told from chance");
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut forms = vec![bytes.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            for shift in 0..3_usize {
                let shifted = [&vec![0; shift], bytes].concat();
                let text = engine.encode(&shifted).into_bytes();
                // What the neighbours' bits are mixed into says nothing.
                let (from, to) = ((shift * 8).div_ceil(6), shifted.len() * 8 / 6);
                forms.push(text[from..to].to_vec());
            }
        }
        Self { name: name.to_owned(), forms: forms.iter().map(|form| Finder::new(form).into_owned()).collect() }
    }

    /// Looks for any 16 bytes in a row of a longer secret, each in every form: a private key that was cut, or whose PEM was wrapped
    /// into lines, is found by what is left whole of it.
    pub fn fragments(name: &str, secret: &[u8]) -> Self {
        let forms = secret.windows(16).flat_map(|window| Self::new(name, window).forms).collect();
        Self { name: name.to_owned(), forms }
    }

    /// Whether it is in there, in any form.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        self.forms.iter().any(|form| form.find(bytes).is_some())
    }
}

/// The canaries found in these bytes, each with the place's name.
pub fn found(canaries: &[Canary], place: &str, bytes: &[u8]) -> Vec<String> {
    canaries.iter().filter(|canary| canary.is_in(bytes)).map(|canary| format!("{} in {place}", canary.name)).collect()
}

/// The canaries found in any file under the folder that was written since then.
pub fn found_below(canaries: &[Canary], folder: &Path, since: SystemTime) -> Vec<String> {
    let mut places = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("the folder is read").path();
        if path.is_dir() {
            places.extend(found_below(canaries, &path, since));
        } else if let Ok(content) = std::fs::read(&path)
            && path.metadata().and_then(|about| about.modified()).is_ok_and(|written| written >= since)
        {
            places.extend(found(canaries, &path.display().to_string(), &content));
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a secret looks like where it leaks: as it is, in hexadecimal, in base64 of both alphabets, alone and after something.
    fn leaks(secret: &[u8]) -> Vec<Vec<u8>> {
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut leaks = vec![secret.to_vec(), hex.to_uppercase().into(), hex.into()];
        for before in 0..3 {
            let shifted = [&vec![b'x'; before], secret].concat();
            leaks.extend([STANDARD_NO_PAD.encode(&shifted).into(), URL_SAFE_NO_PAD.encode(&shifted).into()]);
        }
        leaks
    }

    #[test]
    fn any_sixteen_bytes_of_a_key_are_found_and_fifteen_are_not() {
        let secret: Vec<u8> = (100..148).map(|byte: u8| byte.wrapping_mul(97)).collect();
        let canary = Canary::fragments("a key", &secret);
        for at in 0..secret.len() - 16 {
            for leak in leaks(&secret[at..at + 16]) {
                assert!(canary.is_in(&[b"before ", &leak[..], b" after"].concat()), "{at}");
            }
            assert!(!canary.is_in(&secret[at..at + 15]), "{at}");
        }
    }

    #[test]
    fn a_key_in_lines_of_pem_is_found_wherever_the_lines_break() {
        let secret: Vec<u8> = (0..32).map(|byte: u8| byte.wrapping_mul(53)).collect();
        let canary = Canary::fragments("a key", &secret);
        for before in 0..48 {
            let der = [&vec![0x30; before], secret.as_slice(), &[0xa1; 40]].concat();
            let text = base64::engine::general_purpose::STANDARD.encode(&der);
            let lines: Vec<_> = text.as_bytes().chunks(64).collect();
            // Of 32 bytes on two lines of 48 one line holds 16.
            assert!(canary.is_in(&lines.join(&b"\n"[..])), "{before}");
        }
    }

    #[test]
    fn a_row_that_was_just_written_is_found_in_the_log_before_the_file() {
        let (folder, secret) = (tempfile::tempdir().unwrap(), [0xc5_u8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        let connection = rusqlite::Connection::open(folder.path().join("a.db")).unwrap();
        connection.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (c BLOB)").unwrap();
        connection.execute("INSERT INTO t VALUES (?1)", [secret.as_slice()]).unwrap();
        let places = found_below(&[Canary::new("planted", &secret)], folder.path(), SystemTime::UNIX_EPOCH);
        assert!(places.len() == 1 && places[0].ends_with("a.db-wal"), "{places:?}");
        drop(connection);
        let places = found_below(&[Canary::new("planted", &secret)], folder.path(), SystemTime::UNIX_EPOCH);
        assert!(places.len() == 1 && places[0].ends_with("a.db"), "{places:?}");
    }

    #[test]
    fn a_canary_is_found_in_every_form_and_place() {
        let secret: Vec<u8> = (200..232).collect();
        let canary = Canary::new("secret", &secret);
        for before in 0..7 {
            let hidden = [&vec![b'x'; before], secret.as_slice(), b"tail"].concat();
            let hex: String = hidden.iter().map(|byte| format!("{byte:02X}")).collect();
            for form in [hidden.clone(), hex.into_bytes(), STANDARD_NO_PAD.encode(&hidden).into(), URL_SAFE_NO_PAD.encode(&hidden).into()] {
                assert!(canary.is_in(&form), "{before}");
            }
            let mut broken = hidden.clone();
            broken[before + 16] ^= 1;
            assert!(!canary.is_in(&broken));
        }
    }
}
