//! `column IN (...)` by an index: each wanted value is looked up.
//!
//! The values come first, each once; a scan with `column = value` runs for each of them:
//!
//! ```text
//! Nested Loop
//!   ->  Values Scan on "*VALUES*"          or HashAggregate over a subquery or an array
//!   ->  Index Scan using t_pkey on t
//!         Index Cond: (id = "*VALUES*".column1)
//! ```

use super::access::{Request, Scan};
use super::comparison::{Comparison, comparison};
use super::planner::{Planner, Rows, column, unnamed};
use super::uses::each_reference;
use super::{JoinKind, Node, NodeKind, OutputColumn};
use crate::analyze::{ColumnId, Meaning, Query, SublinkKind};
use crate::error::Result;
use crate::expr::function::{self, Body, Function};
use crate::expr::{Expr, ExprKind, Quantifier};
use crate::types::{Datum, Type, TypeOrder};

/// Elements an array or a subquery is taken to have when nothing is known.
const ELEMENTS: f64 = 10.0;
/// Lookups up to which a list is preferred, however small the table is now.
const LOOKUPS: f64 = 20.0;

/// Where the values of an IN come from.
enum Source<'s> {
    List(&'s [Expr]),
    Array(&'s Expr),
    Query(&'s Query),
}

/// An IN condition over one column.
struct Member<'s> {
    /// Position in the request's conditions.
    at: usize,
    arg: &'s Expr,
    compare: &'static Function,
    source: Source<'s>,
    element: Type,
}

impl<'a> Planner<'a> {
    /// The scan of a table by the values of an IN, when that is better than `cost`.
    pub(super) fn list_probe(&mut self, request: &Request<'_>, cost: f64) -> Result<Option<Scan>> {
        for at in 0..request.conditions.len() {
            let condition = request.conditions[at].clone();
            let Some(member) = self.member(&condition, at, request) else { continue };
            let id = self.new_id();
            let probed = probed(request, &member, id);
            let Some(probe_cost) = self.probe_cost(&probed, at) else { continue };
            let count = match &member.source {
                Source::List(list) => list.len() as f64,
                Source::Array(_) | Source::Query(_) => ELEMENTS,
            };
            let preferred = count <= LOOKUPS && !matches!(member.source, Source::Query(_));
            if !preferred && count * probe_cost >= cost {
                continue;
            }
            let values = self.values_of(&member)?;
            if !preferred && values.cost.1 + values.rows * probe_cost >= cost {
                continue;
            }
            return self.looked_up(values, id, probed).map(Some);
        }
        Ok(None)
    }

    /// The condition as an IN over one of the table's columns.
    fn member<'s>(
        &self,
        condition: &'s Expr,
        at: usize,
        request: &Request<'_>,
    ) -> Option<Member<'s>>
    where
        'a: 's,
    {
        let own = request.relation.first..request.relation.first + request.table.columns.len();
        let depends = |expr: &Expr| {
            let mut depends = !super::access::is_stable(expr);
            each_reference(self.analysis, expr, &mut |id| depends |= own.contains(&id));
            depends
        };
        let member = match &condition.kind {
            ExprKind::InList { compare, arg, list, quantifier: Quantifier::Any } => {
                let element = list.first()?.ty;
                (!list.iter().any(depends)).then_some(Member {
                    at,
                    arg,
                    compare,
                    source: Source::List(list),
                    element,
                })
            }
            ExprKind::InArray { compare, arg, array, quantifier: Quantifier::Any } => {
                let element = array.ty.element()?.with_modifier(-1);
                let source = Source::Array(array);
                (!depends(array)).then_some(Member { at, arg, compare, source, element })
            }
            ExprKind::Column(id) => {
                let Some(Meaning::Sublink(sublink)) = self.analysis.meanings.get(*id) else {
                    return None;
                };
                let SublinkKind::Compare { compare, arg, quantifier: Quantifier::Any } =
                    &sublink.kind
                else {
                    return None;
                };
                let reads_own = sublink.outer.iter().any(|outer| own.contains(&outer.id));
                let element = sublink.query.columns.first()?.ty;
                let source = Source::Query(&sublink.query);
                (!reads_own).then_some(Member { at, arg, compare, source, element })
            }
            _ => None,
        };
        // Each row equals one value at most; any other comparison may find it again and again.
        member.filter(|member| comparison(member.compare) == Some(Comparison::Equal))
    }

    /// What one lookup costs; None when no index decides the condition.
    fn probe_cost(&self, request: &Request<'_>, at: usize) -> Option<f64> {
        self.best_path(request).filter(|path| path.decides(at)).map(|path| path.cost())
    }

    /// The values, each once and none of them NULL or harmlessly so.
    fn values_of(&mut self, member: &Member<'_>) -> Result<Node> {
        let output = vec![unnamed(member.element)];
        match &member.source {
            Source::List(list) => {
                let list = self.lower_all(list, &[])?;
                let constant = list.iter().all(|e| matches!(e.kind, ExprKind::Constant(_)));
                let list = if constant { distinct(list, member.element) } else { list };
                let rows = list.len() as f64;
                let kind = NodeKind::Values(list.into_iter().map(|value| vec![value]).collect());
                let node = Node { kind, output, rows, cost: (0.0, rows * 0.01) };
                Ok(if constant { node } else { once(node) })
            }
            Source::Array(array) => {
                let array = self.lower(array, &[])?;
                let unnest = function::named("unnest").iter().copied();
                let Some(function) = unnest.into_iter().find(|f| matches!(f.body, Body::Set(_)))
                else {
                    let what = "no unnest";
                    return Err(crate::error::ExecutionError::Internal { what }.into());
                };
                let kind = NodeKind::FunctionScan {
                    function,
                    args: vec![array],
                    alias: "unnest".to_owned(),
                    ordinality: false,
                    filter: None,
                };
                let output =
                    vec![OutputColumn { name: "unnest".to_owned(), ..unnamed(member.element) }];
                Ok(once(Node { kind, output, rows: ELEMENTS, cost: (0.0, 0.1) }))
            }
            Source::Query(query) => Ok(once(self.apart(|planner| planner.query(query))?.node)),
        }
    }

    /// The scan for each of the values.
    fn looked_up(&mut self, values: Node, id: ColumnId, request: Request<'_>) -> Result<Scan> {
        let (scan, frame) = self.framed(|planner| planner.scan(request))?;
        let outer = self.hand_over(&frame, &[id])?;
        let Scan { rows: right, decided_by_key } = scan;
        let rows = (values.rows * right.node.rows).max(1.0);
        let cost = (values.cost.0, values.cost.1 + values.rows * right.node.cost.1);
        let shown: Vec<OutputColumn> = right.node.output.clone();
        let output = values.output.iter().chain(&shown).cloned().collect();
        let (left, inner) = (Box::new(values), Box::new(right.node));
        let kind = NodeKind::NestedLoop {
            left,
            right: inner,
            kind: JoinKind::Inner,
            outer,
            condition: None,
        };
        let joined = Node { kind, output, rows, cost };
        let exprs = shown.iter().enumerate().map(|(at, shown)| column(at + 1, shown.ty)).collect();
        let kind = NodeKind::Project { input: Box::new(joined), exprs };
        let node = Node { kind, output: shown, rows, cost };
        Ok(Scan { rows: Rows::unordered(node, right.ids), decided_by_key })
    }
}

/// The request with `column = value` in place of the IN.
fn probed<'r>(request: &Request<'r>, member: &Member<'_>, id: ColumnId) -> Request<'r> {
    let value = Expr { kind: ExprKind::Column(id), ty: member.element, position: None };
    let args = vec![member.arg.clone(), value];
    let kind = ExprKind::Call { function: member.compare, args };
    let mut conditions = request.conditions.clone();
    conditions[member.at] = Expr { kind, ty: Type::BOOL, position: None };
    Request { conditions, order: &[], limit: None, ..*request }
}

/// Constants of a type without NULLs and repetitions.
fn distinct(list: Vec<Expr>, ty: Type) -> Vec<Expr> {
    let equal = TypeOrder::of(ty).equal;
    let mut kept: Vec<Expr> = Vec::with_capacity(list.len());
    for item in list {
        let ExprKind::Constant(value) = &item.kind else { continue };
        let known =
            |other: &Expr| matches!(&other.kind, ExprKind::Constant(other) if equal(other, value));
        if !matches!(value, Datum::Null) && !kept.iter().any(known) {
            kept.push(item);
        }
    }
    kept
}

/// The rows of a node, each once.
fn once(node: Node) -> Node {
    let (output, rows) = (node.output.clone(), node.rows);
    let cost = (node.cost.1, node.cost.1 + rows * 0.01);
    let kind = NodeKind::Distinct { input: Box::new(node), on: None };
    Node { kind, output, rows, cost }
}
