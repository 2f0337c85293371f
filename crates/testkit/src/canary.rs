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
