//! Puts revisions behind what they need, or finds the ring that makes it impossible.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The nodes so that each stands behind all it needs; among those that could come next, the
/// lowest number first, so that the same files always give the same order.
///
/// The error is a ring of nodes, each of which needs the next, and the last the first.
pub(super) fn oldest_first(needs: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut needed_by = vec![Vec::new(); needs.len()];
    let mut missing: Vec<usize> = needs.iter().map(Vec::len).collect();
    for (node, needed) in needs.iter().enumerate() {
        for &parent in needed {
            needed_by[parent].push(node);
        }
    }
    let free = (0..needs.len()).filter(|&node| missing[node] == 0);
    let mut ready: BinaryHeap<Reverse<usize>> = free.map(Reverse).collect();
    let mut order = Vec::with_capacity(needs.len());
    while let Some(Reverse(node)) = ready.pop() {
        order.push(node);
        for &next in &needed_by[node] {
            missing[next] -= 1;
            if missing[next] == 0 {
                ready.push(Reverse(next));
            }
        }
    }
    match missing.iter().position(|&count| count > 0) {
        Some(stuck) => Err(ring(needs, &missing, stuck)),
        None => Ok(order),
    }
}

/// Follows what is missing from a stuck node until the way bites its tail. Every stuck node
/// needs another stuck node, so it must.
fn ring(needs: &[Vec<usize>], missing: &[usize], stuck: usize) -> Vec<usize> {
    let mut way = Vec::new();
    let mut seen_at = vec![None; needs.len()];
    let mut node = stuck;
    while seen_at[node].is_none() {
        seen_at[node] = Some(way.len());
        way.push(node);
        node = needs[node]
            .iter()
            .copied()
            .find(|&next| missing[next] > 0)
            .unwrap_or(node);
    }
    let mut ring = way.split_off(seen_at[node].unwrap_or(0));
    let lowest = (0..ring.len()).min_by_key(|&at| ring[at]).unwrap_or(0);
    ring.rotate_left(lowest);
    ring
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(needs: &[&[usize]], expected: Result<&[usize], &[usize]>) {
        let needs: Vec<Vec<usize>> = needs.iter().map(|list| list.to_vec()).collect();
        let found = oldest_first(&needs);
        assert_eq!(found.as_deref().map_err(Vec::as_slice), expected);
    }

    #[test]
    fn what_is_needed_comes_first_and_low_numbers_before_high() {
        check(&[], Ok(&[]));
        check(&[&[], &[], &[]], Ok(&[0, 1, 2]));
        check(&[&[2], &[0], &[]], Ok(&[2, 0, 1]));
        check(&[&[], &[0], &[0], &[1, 2]], Ok(&[0, 1, 2, 3]));
    }

    #[test]
    fn a_ring_is_named_without_what_hangs_on_it() {
        check(&[&[1], &[0]], Err(&[0, 1]));
        check(&[&[], &[0, 3], &[1], &[2], &[3]], Err(&[1, 3, 2]));
    }
}
