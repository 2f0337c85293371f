//! A fake witness, for want of a real one that can be installed here: it checks all that C2SP tlog-witness asks of one, with its own
//! reading of the request, and keeps what it cosigned in a file, so that it can end and begin again.

use async_trait::async_trait;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_app::{WitnessAnswer, WitnessClient};
use chancery_evidence::{Checkpoint, Hash, KeyKind, Note, VerifierKey, cosigned, verify_consistency};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A fake witness.
pub struct FakeWitness {
    key: Ed25519KeyPair,
    verifier: VerifierKey,
    logs: Mutex<Vec<VerifierKey>>,
    /// Held from the comparison with what was cosigned until the new checkpoint is kept.
    file: Mutex<PathBuf>,
    fault: Mutex<Option<Fault>>,
    /// The time that it puts under its cosignatures, in seconds since 1970.
    time: u64,
}

/// How it is broken, or not honest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does not answer.
    Down,
    /// Its cosignature is wrong.
    WrongSignature,
    /// It answers this status, whatever is asked.
    Status(u16),
}

/// An answer: status, and a body of a kind.
type Answer = (u16, &'static str, String);

impl FakeWitness {
    /// A witness that keeps what it cosigned in this folder; the same name and folder make the same one.
    pub fn new(name: &str, folder: &Path) -> Self {
        let seed: Hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, name.as_bytes()).as_ref().try_into().expect("32 bytes");
        let key = Ed25519KeyPair::from_seed_unchecked(&seed).expect("any seed is a key");
        let public = key.public_key().as_ref().try_into().expect("32 bytes");
        let verifier = VerifierKey::new(name, KeyKind::Witness, public).expect("a name");
        let file = Mutex::new(folder.join(format!("{name}.cosigned")));
        Self { key, verifier, logs: Mutex::default(), file, fault: Mutex::default(), time: 1_800_000_000 }
    }

    /// The key of its cosignatures.
    pub fn key(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Its operator is told of a log.
    pub fn watch(&self, log: VerifierKey) {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).push(log);
    }

    /// From now on it is broken in this way, or not any more.
    pub fn fail(&self, fault: Option<Fault>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// How many leaves of this log it cosigned last.
    pub fn cosigned(&self, origin: &str) -> u64 {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        kept(&file).get(origin).map_or(0, |(size, _)| *size)
    }

    /// Serves it on loopback, until the test ends.
    pub async fn listen(self: &Arc<Self>) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let router = Router::new().route("/prefix/add-checkpoint", post(serve)).with_state(Arc::clone(self));
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    fn answer(&self, body: &str) -> Answer {
        let plain = |status, text: &str| (status, "text/plain", text.to_owned());
        let Some((old, proof, note)) = read(body) else { return plain(400, "not a request to add a checkpoint") };
        let Ok(parsed) = Note::parse(note.as_bytes()) else { return plain(400, "not a note") };
        let Ok(claimed) = Checkpoint::parse(parsed.text()) else { return plain(400, "not a checkpoint") };
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(log) = logs.iter().find(|log| log.name() == claimed.origin) else { return plain(404, "an unknown log") };
        let Ok(new) = Checkpoint::open(note.as_bytes(), log) else { return plain(403, "not signed by the log") };
        if old > new.size {
            return plain(400, "the old size is larger than the checkpoint's");
        }
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = kept(&file);
        let (size, root) = all.get(&new.origin).copied().unwrap_or((0, chancery_evidence::EMPTY_ROOT));
        if size != old {
            return (409, "text/x.tlog.size", format!("{size}\n"));
        }
        if old == new.size && root != new.root {
            return plain(409, "another root of the same size");
        }
        let grew = if old == 0 { proof.is_empty() } else { verify_consistency(&proof, old, &root, new.size, &new.root).is_ok() };
        if !grew {
            return plain(422, "it did not grow from what was cosigned");
        }
        all.insert(new.origin.clone(), (new.size, new.root));
        keep(&file, &all);
        (200, "text/plain", self.line(parsed.text()))
    }

    /// Its signature line: name, and base64 of key id, time and signature.
    fn line(&self, text: &str) -> String {
        let wrong = *self.fault.lock().unwrap_or_else(PoisonError::into_inner) == Some(Fault::WrongSignature);
        let signed = cosigned(text, if wrong { self.time + 1 } else { self.time });
        let public = self.key.public_key().as_ref();
        let id = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &[self.verifier.name().as_bytes(), b"\n\x04", public].concat());
        let bytes = [&id.as_ref()[..4], &self.time.to_be_bytes(), self.key.sign(signed.as_bytes()).as_ref()].concat();
        format!("\u{2014} {} {}\n", self.verifier.name(), STANDARD.encode(bytes))
    }

    fn answer_or_fail(&self, body: &str) -> Option<Answer> {
        let fault = *self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        match fault {
            Some(Fault::Down) => None,
            Some(Fault::Status(status)) => Some((status, "text/plain", String::new())),
            _ => Some(self.answer(body)),
        }
    }
}

/// Old size, proof and note of a request.
fn read(body: &str) -> Option<(u64, Vec<Hash>, &str)> {
    let (head, note) = body.split_once("\n\n")?;
    let mut lines = head.split('\n');
    let digits = lines.next()?.strip_prefix("old ")?;
    let old = digits.parse::<u64>().ok().filter(|old| old.to_string() == digits)?;
    let hash = |line: &str| STANDARD.decode(line).ok()?.try_into().ok();
    let proof: Vec<Hash> = lines.map(hash).collect::<Option<_>>()?;
    (proof.len() <= 63).then_some((old, proof, note))
}

/// What it cosigned last, by log: a line each, size, root and origin.
fn kept(file: &Path) -> BTreeMap<String, (u64, Hash)> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let (size, root) = (words.next()?.parse().ok()?, STANDARD.decode(words.next()?).ok()?.try_into().ok()?);
        Some((words.next()?.to_owned(), (size, root)))
    };
    text.lines().map(|text| line(text).expect("its own line")).collect()
}

fn keep(file: &Path, all: &BTreeMap<String, (u64, Hash)>) {
    let text: String = all.iter().map(|(origin, (size, root))| format!("{size} {} {origin}\n", STANDARD.encode(root))).collect();
    std::fs::write(file, text).expect("it is kept");
}

async fn serve(State(witness): State<Arc<FakeWitness>>, body: String) -> Response {
    let Some((status, kind, body)) = witness.answer_or_fail(&body) else { return std::future::pending().await };
    let kind = HeaderValue::from_static(kind);
    (StatusCode::from_u16(status).expect("a status"), [(header::CONTENT_TYPE, kind)], body).into_response()
}

/// The way to fake witnesses in this process, by their names as addresses.
#[derive(Default)]
pub struct FakeWitnesses(pub BTreeMap<String, Arc<FakeWitness>>);

#[async_trait]
impl WitnessClient for FakeWitnesses {
    async fn add_checkpoint(&self, prefix: &str, body: String) -> Result<WitnessAnswer, String> {
        let witness = self.0.get(prefix).ok_or("nobody is there")?;
        let (status, _, body) = witness.answer_or_fail(&body).ok_or("it does not answer")?;
        Ok(WitnessAnswer { status, body: body.into_bytes() })
    }
}
