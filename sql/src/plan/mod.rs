//! Plans: trees of physical operators, ready to run.

mod node;

pub use node::{
    Bound, Conflict, IndexProbe, JoinKind, Lock, Modify, Node, NodeKind, Operation, OutputColumn,
    SetOperation, SortKey,
};
