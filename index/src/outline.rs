//! A tree as text, for people and for tests: a line for each node and leaf, in key order.
//!
//! ```text
//! node of 3
//!   leaf ..g: resident, learned, 1200 of 1600 slots, error 0.31
//!   leaf g..m: absent
//!   leaf m..: resident, dense, 40 of 64 slots, 2 deleted
//! ```
//!
//! Nobody waits for it but who changes the leaf at hand. What changes its structure meanwhile is shown as it was, *obsolete* leaves too.

use std::fmt::{self, Write};

use crossbeam_epoch::{Guard, pin};

use crate::leaf::{Fences, Leaf, State};
use crate::node::Child;
use crate::tree::Inner;

/// Of longer keys the beginning is shown.
const KEY_BYTES_MAX: usize = 24;

/// A key, as far as it fits on a line, with what cannot be printed escaped.
struct Brief<'a>(&'a [u8]);

impl fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(KEY_BYTES_MAX)];
        write!(f, "{}", shown.escape_ascii())?;
        if shown.len() < self.0.len() { f.write_char('~') } else { Ok(()) }
    }
}

impl fmt::Display for Fences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let upper = self.upper.as_deref().unwrap_or_default();
        write!(f, "{}..{}", Brief(&self.lower), Brief(upper))
    }
}

impl Inner {
    /// See the module.
    pub(crate) fn outline(&self) -> String {
        let guard = pin();
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = write_child(self.root.load(&guard), 0, &mut text, &guard);
        text
    }
}

fn write_child(child: Child<'_>, depth: usize, into: &mut String, guard: &Guard) -> fmt::Result {
    write!(into, "{:1$}", "", depth * 2)?;
    match child {
        Child::Leaf(leaf) => write_leaf(leaf.get(), into),
        Child::Node(node) => {
            writeln!(into, "node of {}", node.children())?;
            let mut children = (0..node.children()).map(|at| node.link(at).load(guard));
            children.try_for_each(|child| write_child(child, depth + 1, into, guard))
        }
    }
}

fn write_leaf(leaf: &Leaf, into: &mut String) -> fmt::Result {
    let body = leaf.read();
    let (rows, slots) = (body.slots.len(), body.slots.capacity());
    write!(into, "leaf {}: ", leaf.fences)?;
    match body.state {
        State::Absent if rows > 0 => return writeln!(into, "partial, {rows} rows"),
        State::Absent => return writeln!(into, "absent"),
        State::Loading(_) => return writeln!(into, "loading, {rows} rows"),
        State::Obsolete => return writeln!(into, "obsolete"),
        State::Resident => {}
    }
    let kind = if body.slots.is_learned() { "learned" } else { "dense" };
    write!(into, "resident, {kind}, {rows} of {slots} slots")?;
    if body.slots.is_learned() {
        write!(into, ", error {:.2}", f64::from(body.slots.error()) / 256.0)?;
    }
    match body.dead() {
        0 => writeln!(into),
        dead => writeln!(into, ", {dead} deleted"),
    }
}
