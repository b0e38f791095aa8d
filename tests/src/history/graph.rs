//! Edges between transactions, and cycles of them.

use std::collections::BTreeSet;
use std::fmt;

/// Why a transaction must come before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// The other wrote the next version.
    WriteWrite,
    /// The other read its version.
    WriteRead,
    /// The other wrote the version after the one that it read.
    ReadWrite,
    /// The other is the next of the same session.
    Session,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WriteWrite => "ww",
            Self::WriteRead => "wr",
            Self::ReadWrite => "rw",
            Self::Session => "session",
        })
    }
}

/// The direct serialization graph: transactions by number.
#[derive(Debug)]
pub(super) struct Graph {
    edges: Vec<BTreeSet<(usize, Kind)>>,
}

impl Graph {
    pub(super) fn new(transactions: usize) -> Self {
        Self { edges: vec![BTreeSet::new(); transactions] }
    }

    /// Adds an edge; a transaction does not come before itself.
    pub(super) fn add(&mut self, from: usize, kind: Kind, to: usize) {
        if from != to {
            self.edges[from].insert((to, kind));
        }
    }

    /// A cycle of edges of these kinds.
    pub(super) fn cycle(&self, kinds: &[Kind]) -> Option<Vec<usize>> {
        cycle(self.edges.len(), |from| {
            let edges = self.edges[from].iter().filter(|(_, kind)| kinds.contains(kind));
            edges.map(|(to, _)| *to).collect()
        })
    }

    /// A cycle in which no two rw edges follow each other: of dependencies, and of dependencies with one rw
    /// edge behind.
    pub(super) fn cycle_of_snapshots(&self) -> Option<Vec<usize>> {
        let is_rw = |kind: &Kind| *kind == Kind::ReadWrite;
        cycle(self.edges.len(), |from| {
            let mut next = BTreeSet::new();
            for (to, _) in self.edges[from].iter().filter(|(_, kind)| !is_rw(kind)) {
                next.insert(*to);
                let behind = self.edges[*to].iter().filter(|(_, kind)| is_rw(kind));
                next.extend(behind.map(|(to, _)| *to));
            }
            next.into_iter().collect()
        })
    }
}

/// A cycle of a graph, as the nodes on it.
fn cycle(nodes: usize, next: impl Fn(usize) -> Vec<usize>) -> Option<Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        OnPath,
        Done,
    }
    let mut marks = vec![Mark::New; nodes];
    for start in 0..nodes {
        if marks[start] != Mark::New {
            continue;
        }
        marks[start] = Mark::OnPath;
        let mut path = vec![(start, next(start))];
        while let Some((node, ahead)) = path.last_mut() {
            let node = *node;
            let Some(to) = ahead.pop() else {
                marks[node] = Mark::Done;
                path.pop();
                continue;
            };
            match marks[to] {
                Mark::Done => {}
                Mark::OnPath => {
                    let nodes = path.iter().map(|(node, _)| *node);
                    return Some(nodes.skip_while(|node| *node != to).collect());
                }
                Mark::New => {
                    marks[to] = Mark::OnPath;
                    path.push((to, next(to)));
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(usize, Kind, usize)]) -> Graph {
        let mut graph = Graph::new(4);
        edges.iter().for_each(|&(from, kind, to)| graph.add(from, kind, to));
        graph
    }

    #[test]
    fn cycles_are_found_among_the_kinds_asked_for() {
        use Kind::{ReadWrite, WriteRead, WriteWrite};
        let found = graph(&[(0, WriteWrite, 1), (1, WriteRead, 2), (2, ReadWrite, 0)]);
        assert_eq!(found.cycle(&[WriteWrite, WriteRead]), None);
        assert_eq!(found.cycle(&[WriteWrite, WriteRead, ReadWrite]), Some(vec![0, 1, 2]));
        assert!(found.cycle_of_snapshots().is_some());
    }

    #[test]
    fn write_skew_is_a_cycle_that_snapshots_allow() {
        let skew = graph(&[(0, Kind::ReadWrite, 1), (1, Kind::ReadWrite, 0)]);
        assert_eq!(skew.cycle_of_snapshots(), None);
        assert_eq!(skew.cycle(&[Kind::ReadWrite]), Some(vec![0, 1]));
    }
}
