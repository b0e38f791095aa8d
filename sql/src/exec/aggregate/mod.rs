//! Aggregate: groups of the input's rows and what is computed over each.
//!
//! A hash table collects groups in any order; when equal groups come one after another, one group
//! at a time is enough.

mod call;
mod hashed;
mod sorted;

use call::Calls;
use hashed::HashAggregate;
use sorted::GroupAggregate;

use super::row_set::Likeness;
use super::{Builder, Operator};
use crate::error::{ExecutionError, Result};
use crate::expr::Compiled;
use crate::plan::{Node, NodeKind};

/// The operator of an Aggregate node.
pub(super) fn aggregate(node: &Node, builder: &mut Builder) -> Result<Box<dyn Operator>> {
    let NodeKind::Aggregate { input, groups, aggregates, having, sorted } = &node.kind else {
        return Err(ExecutionError::Internal { what: "no aggregate" }.into());
    };
    let source = builder.operator(input)?;
    let likeness = Likeness::of(groups.iter().map(|group| group.ty));
    let groups = Compiled::all(groups, builder)?;
    let calls = Calls::new(aggregates, builder)?;
    let having = builder.optional(having.as_ref())?;
    if *sorted && !groups.is_empty() {
        return Ok(Box::new(GroupAggregate::new(source, groups, likeness, calls, having)));
    }
    Ok(Box::new(HashAggregate::new(source, groups, likeness, calls, having)))
}
