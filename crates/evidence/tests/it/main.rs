//! The log against a naive tree, against Go's own implementation, and with every bit of it flipped.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking; clippy allows it only inside #[test] functions, not in their helpers"
)]

mod exports;
mod flips;
mod judged;
mod naive;
mod tampered;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use chancery_evidence::{Checkpoint, Edge, Hash, KeyKind, Note, Tile, Tiles, VerifierKey, consistency, inclusion, tiles_for};
use std::collections::BTreeMap;
use std::ops::Range;

/// SHA-256(0x00 ‖ text), as RFC 6962 hashes an entry.
fn leaf(text: &str) -> Hash {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &[&[0], text.as_bytes()].concat());
    hash.as_ref().try_into().unwrap()
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|number| leaf(&format!("leaf {number}"))).collect()
}

/// A log whose tiles are kept as a store keeps them: the widest of each.
#[derive(Default)]
struct Log {
    edge: Edge,
    tiles: BTreeMap<(u8, u64), Tile>,
}

impl Log {
    fn of(leaves: &[Hash]) -> Self {
        let mut log = Self::default();
        log.append(leaves);
        log
    }

    fn append(&mut self, leaves: &[Hash]) {
        for tile in self.edge.append(leaves) {
            self.tiles.insert((tile.id.level, tile.id.index), tile);
        }
    }

    fn roots(&self, ranges: &[Range<u64>]) -> Vec<Hash> {
        let mut tiles = Tiles::default();
        for id in tiles_for(ranges) {
            tiles.insert(self.tiles[&(id.level, id.index)].clone());
        }
        ranges.iter().map(|range| tiles.root(range).unwrap()).collect()
    }

    fn inclusion(&self, index: u64, size: u64) -> Vec<Hash> {
        self.roots(&inclusion(index, size).unwrap())
    }

    fn consistency(&self, old: u64, new: u64) -> Vec<Hash> {
        self.roots(&consistency(old, new).unwrap())
    }
}

fn key(seed: u8, name: &str, kind: KeyKind) -> (Ed25519KeyPair, VerifierKey) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
    let public = pair.public_key().as_ref().try_into().unwrap();
    let key = VerifierKey::new(name, kind, public).unwrap();
    (pair, key)
}

fn signed(checkpoint: &Checkpoint, pair: &Ed25519KeyPair, key: &VerifierKey) -> Note {
    let text = checkpoint.text();
    let signature = pair.sign(text.as_bytes());
    Note::sign(text, key, signature.as_ref()).unwrap()
}
