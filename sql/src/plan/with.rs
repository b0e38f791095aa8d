//! WITH queries: run once for all who read them, or a part of the query that reads them.
//!
//! PostgreSQL's rule: a query that is read once is a part of its reader, one that is read more
//! often runs once; MATERIALIZED and NOT MATERIALIZED say otherwise, but volatile functions are
//! called once a row whatever was said. A query that reads columns of queries around it is always
//! a part of its reader here.

use std::sync::Arc;

use super::planner::{Planner, Rows, outputs};
use super::{Node, NodeKind};
use crate::analyze::{Query, WithReference};
use crate::error::{Result, SyntaxError};

impl Planner<'_> {
    /// The rows of a WITH query in one of the places where it is read.
    pub(super) fn with_query(
        &mut self,
        with: &WithReference,
        alias: &str,
        query: &Query,
    ) -> Result<Rows> {
        let WithReference { id, name, materialized, volatile, correlated } = with;
        let relations = self.analysis.relations.iter();
        let readers = relations.filter(|r| r.with.as_ref().is_some_and(|with| with.id == *id));
        let several = readers.count() > 1;
        if several && *volatile && *correlated {
            let feature = "a WITH query with volatile functions and columns from around it";
            return Err(SyntaxError::unsupported(feature).into());
        }
        let once = match materialized {
            Some(true) => true,
            Some(false) => several && *volatile,
            None => several,
        };
        if !once || *correlated {
            return self.query(query);
        }
        let plan = match self.with_plans.get(id) {
            Some(plan) => Arc::clone(plan),
            None => {
                let plan = Arc::new(self.query(query)?.node);
                self.with_plans.insert(*id, Arc::clone(&plan));
                plan
            }
        };
        let (rows, cost) = (plan.rows, (plan.cost.0, plan.cost.1 + plan.rows * 0.02));
        let (name, alias) = (name.clone(), alias.to_owned());
        let kind = NodeKind::CteScan { with: *id, name, alias, plan };
        let node = Node { kind, output: outputs(&query.columns), rows, cost };
        Ok(Rows::unordered(node, Vec::new()))
    }
}
