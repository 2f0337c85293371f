//! Tiles: how the tree is stored and given out (C2SP tlog-tiles). A tile of level 0 holds up to 256 leaf hashes, one of a higher level
//! the roots of up to 256 full tiles below it.

use crate::merkle::{Hash, node};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// So many hashes a full tile has.
pub const TILE_WIDTH: usize = 256;
/// The levels of the tree that one tile spans.
const HEIGHT: u32 = 8;
/// The highest level of a tile: a tree has no more than 2^63 leaves.
const HIGHEST: u8 = 7;

/// Which tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TileId {
    /// Its level, from 0.
    pub level: u8,
    /// Its place in the level, from 0.
    pub index: u64,
}

/// A tile and what stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Which.
    pub id: TileId,
    /// Its hashes, between 1 and [`TILE_WIDTH`].
    pub hashes: Vec<Hash>,
}

impl TileId {
    /// The partial tiles at the right edge of a tree of `size` leaves, lowest level first, each with its width.
    pub fn edge(size: u64) -> Vec<(Self, usize)> {
        let level = |level: u8| {
            let hashes = size >> (HEIGHT * u32::from(level));
            (Self { level, index: hashes >> HEIGHT }, (hashes & 0xff) as usize)
        };
        (0..=HIGHEST).map(level).filter(|(_, width)| *width > 0).collect()
    }

    /// How wide the tile is in a tree of `size` leaves; 0 where it does not exist.
    pub const fn width(self, size: u64) -> usize {
        let hashes = if self.level > HIGHEST { 0 } else { size >> (HEIGHT * self.level as u32) };
        match hashes.checked_sub(self.index.saturating_mul(TILE_WIDTH as u64)) {
            Some(more) if more < TILE_WIDTH as u64 => more as usize,
            Some(_) => TILE_WIDTH,
            None => 0,
        }
    }

    /// Where it is found: `tile/0/x001/x234/067`, with `.p/<width>` behind where it is partial.
    pub fn path(self, width: usize) -> String {
        let (mut rest, mut path) = (self.index / 1000, format!("{:03}", self.index % 1000));
        while rest > 0 {
            path = format!("x{:03}/{path}", rest % 1000);
            rest /= 1000;
        }
        let partial = if width < TILE_WIDTH { format!(".p/{width}") } else { String::new() };
        format!("tile/{}/{path}{partial}", self.level)
    }

    /// The tile at a path, and its width. Only the one spelling of a tile is taken.
    pub fn parse(path: &str) -> Option<(Self, usize)> {
        let (whole, width) = match path.split_once(".p/") {
            Some((whole, width)) => (whole, width.parse().ok().filter(|width| (1..TILE_WIDTH).contains(width))?),
            None => (path, TILE_WIDTH),
        };
        let (level, places) = whole.strip_prefix("tile/")?.split_once('/')?;
        let level = level.parse().ok().filter(|level| *level <= HIGHEST)?;
        let mut index = 0_u64;
        for place in places.split('/') {
            let digits = place.strip_prefix('x').unwrap_or(place);
            index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        }
        let id = Self { level, index };
        (id.path(width) == path).then_some((id, width))
    }

    /// The tile that holds what is below a node of the tree: `at` leaves up, `index` from the left.
    const fn of(level: u32, index: u64) -> Self {
        Self { level: (level / HEIGHT) as u8, index: (index << (level % HEIGHT)) >> HEIGHT }
    }
}

/// The perfect subtrees that a part of the tree consists of, left to right, each as level and place in it.
fn perfect(range: &Range<u64>) -> Vec<(u32, u64)> {
    let (mut start, mut nodes) = (range.start, Vec::new());
    while start < range.end {
        let level = (range.end - start).ilog2();
        nodes.push((level, start >> level));
        start += 1 << level;
    }
    nodes
}

/// The tiles that the roots of these parts of the tree are computed from.
pub fn tiles_for(ranges: &[Range<u64>]) -> BTreeSet<TileId> {
    ranges.iter().flat_map(perfect).map(|(level, index)| TileId::of(level, index)).collect()
}

/// Tiles that were read, to compute roots from.
#[derive(Default)]
pub struct Tiles(BTreeMap<TileId, Vec<Hash>>);

impl Tiles {
    /// Adds one.
    pub fn insert(&mut self, tile: Tile) {
        self.0.insert(tile.id, tile.hashes);
    }

    /// The root of a part of the tree that a proof names; `None` if a tile of it is missing.
    pub fn root(&self, range: &Range<u64>) -> Option<Hash> {
        let nodes: Option<Vec<_>> = perfect(range).into_iter().map(|(level, index)| self.node(level, index)).collect();
        nodes?.into_iter().rev().reduce(|right, left| node(&left, &right))
    }

    fn node(&self, level: u32, index: u64) -> Option<Hash> {
        let hashes = self.0.get(&TileId::of(level, index))?;
        let (low, start) = (level % HEIGHT, ((index << (level % HEIGHT)) & 0xff) as usize);
        hashes.get(start..start + (1 << low)).map(fold)
    }
}

/// The root over hashes that are a power of two many.
pub(crate) fn fold(hashes: &[Hash]) -> Hash {
    match hashes {
        [one] => *one,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            node(&fold(left), &fold(right))
        }
    }
}
