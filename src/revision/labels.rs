//! How far the name of a branch reaches.
//!
//! A label is written in one file and names the branch: every revision that follows, and those
//! before it back to where the branch parted from others.

/// One node as far as labels care.
pub(super) struct Node<'h> {
    /// The labels its file gives, as numbers.
    pub(super) own: Vec<usize>,
    /// Its parents, all of which have lower numbers.
    pub(super) parents: &'h [usize],
    /// Its only child, if no other revision follows it or depends on it.
    pub(super) only_child: Option<usize>,
    /// Whether others follow it or depend on it: two or more.
    pub(super) parts: bool,
}

/// The labels of each node, sorted. Takes time in proportion to what it returns.
pub(super) fn reach(nodes: &[Node]) -> Vec<Vec<usize>> {
    let mut from_below: Vec<Vec<usize>> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let mut labels = node.own.clone();
        for &parent in node.parents {
            labels.extend_from_slice(&from_below[parent]);
        }
        labels.sort_unstable();
        labels.dedup();
        from_below.push(labels);
    }
    let mut from_above: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (index, node) in nodes.iter().enumerate().rev() {
        // A label stays above the place where its branch parted from another or joined two.
        if node.parts || node.parents.len() > 1 {
            continue;
        }
        let mut labels = node.own.clone();
        if let Some(child) = node.only_child {
            labels.extend_from_slice(&from_above[child]);
        }
        from_above[index] = labels;
    }
    for (labels, above) in from_below.iter_mut().zip(from_above) {
        labels.extend(above);
        labels.sort_unstable();
        labels.dedup();
    }
    from_below
}
