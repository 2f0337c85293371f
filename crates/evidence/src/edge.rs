//! The right edge of the tree: all that is needed of it to append leaves.

use crate::merkle::{EMPTY_ROOT, Hash, node};
use crate::tile::{TILE_WIDTH, Tile, TileId, fold};

/// The partial tiles of a tree, and its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    partial: Vec<Vec<Hash>>,
}

/// Tiles that are no edge of a tree of this size.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the stored tiles are not those of a log of size {0}")]
pub struct NotTheEdge(pub u64);

impl Edge {
    /// The edge of a tree of `size` leaves from the tiles that [`TileId::edge`] names. That they belong to the tree shows when
    /// [`Self::root`] is the root that was signed.
    pub fn of(size: u64, tiles: impl IntoIterator<Item = Tile>) -> Result<Self, NotTheEdge> {
        let mut partial = Vec::new();
        let mut tiles = tiles.into_iter();
        for (id, width) in TileId::edge(size) {
            let tile = tiles.next().filter(|tile| tile.id == id && tile.hashes.len() == width).ok_or(NotTheEdge(size))?;
            partial.resize(usize::from(id.level), Vec::new());
            partial.push(tile.hashes);
        }
        if tiles.next().is_some() { Err(NotTheEdge(size)) } else { Ok(Self { size, partial }) }
    }

    /// How many leaves the tree has.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The hashes of the partial tile of a level.
    pub fn partial(&self, level: u8) -> Option<&[Hash]> {
        self.partial.get(usize::from(level)).map(Vec::as_slice).filter(|hashes| !hashes.is_empty())
    }

    /// Appends leaves; the tiles that came of it or grew, lower levels first within each leaf's.
    pub fn append(&mut self, leaves: &[Hash]) -> Vec<Tile> {
        let (before, mut full) = (self.size, Vec::new());
        for leaf in leaves {
            self.push(*leaf, &mut |tile| full.push(tile));
        }
        let grew = |id: &TileId| id.width(self.size) > id.width(before);
        let partial = TileId::edge(self.size).into_iter().filter(|(id, _)| grew(id));
        let tile = |(id, _): (TileId, usize)| Some(Tile { id, hashes: self.partial.get(usize::from(id.level))?.clone() });
        full.extend(partial.filter_map(tile));
        full
    }

    /// Appends a leaf, for who needs the root and no tiles.
    pub(crate) fn append_one(&mut self, leaf: Hash) {
        self.push(leaf, &mut |_| ());
    }

    fn push(&mut self, leaf: Hash, full: &mut impl FnMut(Tile)) {
        self.size += 1;
        let (mut hash, mut hashes_of_level) = (leaf, self.size);
        for level in 0.. {
            if self.partial.len() == usize::from(level) {
                self.partial.push(Vec::with_capacity(TILE_WIDTH));
            }
            let Some(tile) = self.partial.get_mut(usize::from(level)) else { return };
            tile.push(hash);
            if tile.len() < TILE_WIDTH {
                return;
            }
            let hashes = std::mem::take(tile);
            hash = fold(&hashes);
            hashes_of_level /= TILE_WIDTH as u64;
            full(Tile { id: TileId { level, index: hashes_of_level - 1 }, hashes });
        }
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        let mut root = None;
        for tile in &self.partial {
            let (mut rest, mut groups) = (tile.as_slice(), Vec::new());
            while !rest.is_empty() {
                let (group, more) = rest.split_at(1 << rest.len().ilog2());
                groups.push(fold(group));
                rest = more;
            }
            root = groups.into_iter().rev().fold(root, |right, left| Some(right.map_or(left, |right| node(&left, &right))));
        }
        root.unwrap_or(EMPTY_ROOT)
    }
}
