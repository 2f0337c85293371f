//! Signed notes (C2SP signed-note): a text, and under it a line for each signature. Ed25519 signatures of logs and the timestamped
//! ones of witnesses (C2SP tlog-cosignature, cosignature/v1).

use crate::merkle::sha256;
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chancery_domain::enforced;
use std::fmt;

/// A longer note is not looked at.
pub const LONGEST_NOTE: usize = 128 * 1024;
/// Neither is one with more signatures.
const MOST_SIGNATURES: usize = 64;

/// Why a note, or a key, is none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoteError {
    /// Not a signed note.
    #[error("not a signed note: {0}")]
    Malformed(&'static str),
    /// Not a verifier key.
    #[error("not a verifier key: give it as it was published, name+hash+base64")]
    Key,
    /// Nobody who is known signed it.
    #[error("none of the known keys signed the note")]
    Unsigned,
    /// A signature of a known key is wrong.
    #[error("the signature of {0} on the note is wrong: the note was changed, or not made by {0}")]
    Signature(String),
}

/// What a key's signatures mean: the signature type of its key id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Type 0x01: an Ed25519 signature of the text.
    Log,
    /// Type 0x04: an Ed25519 signature of a witness over the text and a time.
    Witness,
}

/// A verifier key: whose signatures are to be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    key: [u8; 32],
}

impl KeyKind {
    const fn code(self) -> u8 {
        match self {
            Self::Log => 1,
            Self::Witness => 4,
        }
    }
}

impl VerifierKey {
    /// A key under its name, which has no space and no plus sign.
    pub fn new(name: &str, kind: KeyKind, key: [u8; 32]) -> Result<Self, NoteError> {
        let plain = |letter: char| !letter.is_whitespace() && !letter.is_control() && letter != '+';
        let named = !name.is_empty() && name.chars().all(plain);
        if named { Ok(Self { name: name.to_owned(), kind, key }) } else { Err(NoteError::Key) }
    }

    /// From `name+hash+base64`.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let (name, rest) = text.trim_end().split_once('+').ok_or(NoteError::Key)?;
        let (_, encoded) = rest.split_once('+').ok_or(NoteError::Key)?;
        let bytes = BASE64.decode(encoded).map_err(|_| NoteError::Key)?;
        let (code, key) = bytes.split_first().ok_or(NoteError::Key)?;
        let kind = [KeyKind::Log, KeyKind::Witness].into_iter().find(|kind| kind.code() == *code).ok_or(NoteError::Key)?;
        let key = Self::new(name, kind, key.try_into().map_err(|_| NoteError::Key)?)?;
        if key.to_string() == text.trim_end() { Ok(key) } else { Err(NoteError::Key) }
    }

    /// Whose it is; for a log, its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is the other's key under whatever name: who has two names is still one.
    pub fn is_same_key(&self, other: &Self) -> bool {
        self.key == other.key
    }

    /// What its signatures mean.
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// SHA-256(name ‖ newline ‖ type ‖ key), its first four bytes.
    fn id(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = sha256(&[self.name.as_bytes(), b"\n", &[self.kind.code()], &self.key]);
        [a, b, c, d]
    }

    /// What it must have signed. Of a witness's signature the first eight bytes are the time.
    fn holds(&self, text: &str, signature: &[u8]) -> Option<Signature> {
        let public = UnparsedPublicKey::new(&ED25519, &self.key);
        match self.kind {
            KeyKind::Log => public.verify(text.as_bytes(), signature).ok().map(|()| Signature::Log),
            KeyKind::Witness => {
                let (time, signature) = signature.split_first_chunk()?;
                let time = u64::from_be_bytes(*time);
                let in_range = i64::try_from(time).is_ok();
                in_range.then(|| public.verify(cosigned(text, time).as_bytes(), signature).ok()).flatten()?;
                Some(Signature::Witness { time })
            }
        }
    }
}

/// What a witness signs of a checkpoint (C2SP tlog-cosignature): `time` in seconds since 1970.
pub fn cosigned(text: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[self.kind.code()], self.key.as_slice()].concat();
        write!(f, "{}+{:08x}+{}", self.name, u32::from_be_bytes(self.id()), BASE64.encode(bytes))
    }
}

/// A signature that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// Of a log.
    Log,
    /// Of a witness.
    Witness {
        /// When, in seconds since 1970.
        time: u64,
    },
}

/// A signed note, read but not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    name: String,
    id: [u8; 4],
    signature: Vec<u8>,
}

impl Note {
    /// A note with its first signature, which is verified.
    pub fn sign(text: String, key: &VerifierKey, signature: &[u8]) -> Result<Self, NoteError> {
        let mut note = Self { text, lines: Vec::new() };
        note.add(key, signature)?;
        Self::parse(note.to_string().as_bytes())
    }

    /// Adds a signature, which is verified.
    pub fn add(&mut self, key: &VerifierKey, signature: &[u8]) -> Result<(), NoteError> {
        key.holds(&self.text, signature).ok_or_else(|| NoteError::Signature(key.name.clone()))?;
        self.lines.push(Line { name: key.name.clone(), id: key.id(), signature: signature.to_vec() });
        Ok(())
    }

    /// With those of these signature lines that hold, of keys that are known and had not signed it yet; the others are passed over
    /// (C2SP tlog-witness, what a witness answers).
    pub fn with_lines(&self, lines: &[u8], known: &[VerifierKey]) -> Result<Self, NoteError> {
        let all = Self::parse(&[self.to_string().as_bytes(), lines].concat())?;
        let mut note = self.clone();
        for line in all.lines.into_iter().skip(self.lines.len()) {
            let is_of = |key: &VerifierKey| line.name == key.name && line.id == key.id();
            let holds = known.iter().any(|key| is_of(key) && key.holds(&self.text, &line.signature).is_some());
            let is_new = note.lines.iter().all(|other| (&other.name, other.id) != (&line.name, line.id));
            if (holds || !enforced!("note.lines")) && is_new {
                note.lines.push(line);
            }
        }
        Ok(note)
    }

    /// Reads a note.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        let malformed = NoteError::Malformed;
        if bytes.len() > LONGEST_NOTE {
            return Err(malformed("it is longer than 128 KiB"));
        }
        let whole = std::str::from_utf8(bytes).map_err(|_| malformed("it is not UTF-8"))?;
        if whole.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
            return Err(malformed("it has control characters"));
        }
        let (text, lines) = whole.rsplit_once("\n\n").ok_or(malformed("no empty line stands between text and signatures"))?;
        let lines = lines.strip_suffix('\n').ok_or(malformed("its last line does not end"))?;
        let lines = lines.split('\n').map(Line::parse).collect::<Option<Vec<_>>>().ok_or(malformed("a signature line is malformed"))?;
        if lines.len() > MOST_SIGNATURES {
            return Err(malformed("it has more than 64 signatures"));
        }
        Ok(Self { text: format!("{text}\n"), lines })
    }

    /// The text, to be believed only when it was verified.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The keys that signed it, of those that are known, each with what it signed.
    ///
    /// # Errors
    /// If none of them did, or the signature of one is wrong.
    pub fn verify<'a>(&self, known: &'a [VerifierKey]) -> Result<Vec<(&'a VerifierKey, Signature)>, NoteError> {
        let mut held = Vec::new();
        for key in known {
            let id = key.id();
            for line in self.lines.iter().filter(|line| line.name == key.name && line.id == id) {
                let signature = match key.holds(&self.text, &line.signature) {
                    Some(signature) => signature,
                    None if enforced!("note.signature") => return Err(NoteError::Signature(key.name.clone())),
                    None => Signature::Log,
                };
                held.push((key, signature));
            }
        }
        if held.is_empty() && enforced!("note.unsigned") { Err(NoteError::Unsigned) } else { Ok(held) }
    }

    /// Whether this key signed it, and the signature holds.
    pub fn is_signed_by(&self, key: &VerifierKey) -> bool {
        !self.only(std::slice::from_ref(key)).lines.is_empty()
    }

    /// The note with the signatures of these keys alone, those that hold.
    pub fn only(&self, known: &[VerifierKey]) -> Self {
        let holds = |line: &&Line| {
            known.iter().any(|key| line.name == key.name && line.id == key.id() && key.holds(&self.text, &line.signature).is_some())
        };
        Self { text: self.text.clone(), lines: self.lines.iter().filter(holds).cloned().collect() }
    }
}

impl Line {
    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        let bytes = BASE64.decode(encoded).ok()?;
        let (id, signature) = bytes.split_first_chunk()?;
        let named = !name.is_empty() && !name.contains(|letter: char| letter.is_whitespace() || letter == '+');
        (named && !signature.is_empty()).then(|| Self { name: name.to_owned(), id: *id, signature: signature.to_vec() })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for line in &self.lines {
            let bytes = [line.id.as_slice(), &line.signature].concat();
            writeln!(f, "\u{2014} {} {}", line.name, BASE64.encode(bytes))?;
        }
        Ok(())
    }
}
