//! Typed expressions: what the analyzer makes and the executor compiles.
//!
//! Every name is resolved and every type is known. Operators have become calls of the function
//! that implements them.

mod aggregate;
pub(crate) mod compile;
pub mod function;
mod tree;
mod walk;

pub(crate) use compile::Comparator;
pub use compile::Compiled;
pub use tree::{Aggregate, CaseBranch, Expr, ExprKind, Quantifier, SubqueryKind};
