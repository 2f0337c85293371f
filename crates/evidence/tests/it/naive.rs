//! The log against RFC 6962's own definitions, written down as they stand there.

use crate::{Log, leaves};
use chancery_evidence::{
    EMPTY_ROOT, Edge, Hash, NotTheEdge, ProofError, Tile, TileId, inclusion, node, verify_consistency, verify_inclusion,
};
use proptest::prelude::*;

fn split(count: usize) -> usize {
    let mut k = 1;
    while k * 2 < count {
        k *= 2;
    }
    k
}

/// MTH(D[n]).
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => EMPTY_ROOT,
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node(&root(left), &root(right))
        }
    }
}

/// PATH(m, D[n]).
fn path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut path, other) = if m < left.len() { (path(m, left), root(right)) } else { (path(m - left.len(), right), root(left)) };
    path.push(other);
    path
}

/// SUBPROOF(m, D[n], b).
fn subproof(m: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if m == leaves.len() {
        return if whole { Vec::new() } else { vec![root(leaves)] };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut proof, other) =
        if m <= left.len() { (subproof(m, left, whole), root(right)) } else { (subproof(m - left.len(), right, false), root(left)) };
    proof.push(other);
    proof
}

#[test]
fn every_small_log_is_that_of_the_rfc() {
    let all = leaves(70);
    for size in 0..=all.len() {
        let log = Log::of(&all[..size]);
        assert_eq!(log.edge.root(), root(&all[..size]), "{size}");
        for index in 0..size {
            let proof = log.inclusion(index as u64, size as u64);
            assert_eq!(proof, path(index, &all[..size]), "{index} of {size}");
            verify_inclusion(&proof, index as u64, size as u64, &all[index], &log.edge.root()).unwrap();
        }
        for old in 1..=size {
            let proof = log.consistency(old as u64, size as u64);
            assert_eq!(proof, subproof(old, &all[..size], true), "{old} of {size}");
            verify_consistency(&proof, old as u64, &root(&all[..old]), size as u64, &log.edge.root()).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_log_that_grew_in_batches_is_that_of_the_rfc(batches in prop::collection::vec(0_usize..700, 1..6), at: prop::sample::Index, then: prop::sample::Index) {
        let all = leaves(batches.iter().sum::<usize>() as u64 + 1);
        let (mut log, mut done) = (Log::of(&all[..1]), 1);
        for batch in batches {
            // As a sequencer does: nothing is known but the stored tiles.
            let stored = TileId::edge(done as u64).into_iter().map(|(id, _)| log.tiles[&(id.level, id.index)].clone());
            log.edge = Edge::of(done as u64, stored.collect::<Vec<_>>()).unwrap();
            prop_assert_eq!(log.edge.root(), root(&all[..done]));
            log.append(&all[done..done + batch]);
            done += batch;
        }
        let size = all.len();
        for tile in log.tiles.values() {
            prop_assert_eq!(tile.hashes.len(), tile.id.width(size as u64));
        }
        let (old, index) = (at.index(size) + 1, then.index(at.index(size) + 1));
        let (before, after) = (root(&all[..old]), root(&all));
        prop_assert_eq!(log.edge.root(), after);
        // The tiles of the longer log serve its beginnings, too.
        let proof = log.inclusion(index as u64, old as u64);
        prop_assert_eq!(&proof, &path(index, &all[..old]));
        verify_inclusion(&proof, index as u64, old as u64, &all[index], &before).unwrap();
        let proof = log.consistency(old as u64, size as u64);
        prop_assert_eq!(&proof, &subproof(old, &all, true));
        verify_consistency(&proof, old as u64, &before, size as u64, &after).unwrap();
    }

    #[test]
    fn a_path_names_one_tile_and_a_tile_one_path(level in 0_u8..8, index in 0_u64..1 << 55, width in 1_usize..=256) {
        let id = TileId { level, index };
        prop_assert_eq!(TileId::parse(&id.path(width)), Some((id, width)));
    }
}

#[test]
fn other_spellings_of_a_path_are_none() {
    assert_eq!(TileId { level: 0, index: 1_234_067 }.path(256), "tile/0/x001/x234/067");
    let wrong = [
        "tile/0/67",
        "tile/0/x000/067",
        "tile/00/067",
        "tile/8/067",
        "tile/0/067.p/0",
        "tile/0/067.p/256",
        "tile/0/067.p/01",
        "tile/0/x067",
        "tile/0/",
        "tile/0/001/002",
        "/tile/0/067",
        "tile/0/067/",
        "tile/0/+67",
        "tile/data/067",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
    ];
    for path in wrong {
        assert_eq!(TileId::parse(path), None, "{path}");
    }
}

#[test]
fn tiles_of_another_size_are_no_edge() {
    let log = Log::of(&leaves(300));
    let edge = |size: u64| TileId::edge(size).into_iter().map(|(id, _)| log.tiles[&(id.level, id.index)].clone()).collect::<Vec<_>>();
    assert!(Edge::of(300, edge(300)).is_ok());
    assert_eq!(Edge::of(301, edge(300)), Err(NotTheEdge(301)));
    assert_eq!(Edge::of(300, edge(300).into_iter().skip(1)), Err(NotTheEdge(300)));
    let one_more = Tile { id: TileId { level: 2, index: 0 }, hashes: leaves(1) };
    assert_eq!(Edge::of(300, edge(300).into_iter().chain([one_more])), Err(NotTheEdge(300)));
}

#[test]
fn what_a_log_does_not_have_is_not_proved() {
    let all = leaves(9);
    assert_eq!(inclusion(9, 9), Err(ProofError::Outside { asked: 9, size: 9 }));
    let outside = Err(ProofError::Outside { asked: 9, size: 9 });
    assert_eq!(verify_inclusion(&[], 9, 9, &all[0], &root(&all)), outside);
    assert_eq!(verify_consistency(&[], 9, &root(&all), 8, &root(&all[..8])), Err(ProofError::Outside { asked: 9, size: 8 }));
    // Every log begins with nothing, and nothing needs no proof.
    assert_eq!(verify_consistency(&[], 0, &EMPTY_ROOT, 9, &root(&all)), Ok(()));
    assert_eq!(verify_consistency(&[all[0]], 0, &EMPTY_ROOT, 9, &root(&all)), Err(ProofError::Length));
    assert_eq!(verify_consistency(&[], 0, &all[0], 9, &root(&all)), Err(ProofError::Root));
    assert_eq!(verify_consistency(&[], 9, &all[0], 9, &root(&all)), Err(ProofError::Root));
    assert_eq!(verify_consistency(&[], 3, &root(&all[..3]), 9, &root(&all)), Err(ProofError::Length));
}
