//! EXPLAIN: a plan as text, in PostgreSQL's words and layout.
//!
//! ```text
//! Limit  (cost=0.29..0.33 rows=1 width=8)
//!   ->  Index Scan using t_pkey on t  (cost=0.29..40.00 rows=1000 width=8)
//!         Index Cond: (a > 10)
//! ```
//!
//! Columns are shown by the names they have where they come from: a position in a node's row is
//! followed down through its inputs to a table's column or an expression. A Project has no line
//! of its own, as every PostgreSQL node projects.

mod datum;
mod deparse;
mod details;
mod names;

use super::{JoinKind, Node, NodeKind};
use crate::exec::Figures;
use crate::types::{Type, catalog};
use details::{Detail, details, title};
pub(super) use names::inputs;
use names::{Names, Scope};

/// What EXPLAIN shows besides the nodes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Options {
    /// VERBOSE: output columns and schemas.
    pub verbose: bool,
    /// COSTS: estimates.
    pub costs: bool,
    /// BUFFERS: what was read, with ANALYZE.
    pub buffers: bool,
    /// TIMING: milliseconds of each node, with ANALYZE.
    pub timing: bool,
    /// `Planning Time`, when it is shown.
    pub planning_ms: Option<f64>,
    /// `Execution Time`, when it is shown.
    pub execution_ms: Option<f64>,
}

/// The lines of a plan. `figures` says what a node did, when the plan has been run.
pub fn text(
    node: &Node,
    options: &Options,
    figures: &dyn Fn(&Node) -> Option<Figures>,
) -> Vec<String> {
    let names = Names::of(node, options.verbose);
    let (lines, withs) = (Vec::new(), Vec::new());
    let mut writer = Writer { options, figures, names, lines, withs, subplans: 0, init: 0 };
    writer.node(node, 0, &[]);
    let Writer { mut lines, .. } = writer;
    if let Some(planning) = options.planning_ms {
        lines.push(format!("Planning Time: {planning:.3} ms"));
    }
    if let Some(execution) = options.execution_ms {
        lines.push(format!("Execution Time: {execution:.3} ms"));
    }
    lines
}

struct Writer<'a> {
    options: &'a Options,
    figures: &'a dyn Fn(&Node) -> Option<Figures>,
    names: Names,
    lines: Vec<String>,
    /// WITH queries that have been shown, below the first scan of each.
    withs: Vec<usize>,
    subplans: usize,
    init: usize,
}

impl Writer<'_> {
    /// Writes a node at an indent; `frame` are the values handed in from outside, as text.
    fn node(&mut self, node: &Node, indent: usize, frame: &[String]) {
        // A Project is shown by what it projects from, with its own columns and row count.
        let mut shown = node;
        while let NodeKind::Project { input, .. } = &shown.kind {
            shown = input;
        }
        let mut line = " ".repeat(indent * 2);
        let mut inside = indent + 1;
        if indent > 0 {
            line.push_str("->  ");
            inside += 2;
        }
        let scope = Scope { names: &self.names, frame };
        line.push_str(&title(shown, &scope));
        self.estimates(&mut line, node);
        self.actual(&mut line, node);
        self.lines.push(line);
        let mut found = details(shown, &scope);
        if self.options.verbose && !node.output.is_empty() {
            let columns = (0..node.output.len()).map(|n| scope.column(node, n));
            let output = columns.collect::<Vec<_>>().join(", ");
            found.insert(0, Detail { label: "Output", text: output });
        }
        let subplans = scope.subplans(node, shown, self.subplans, self.init);
        (self.subplans, self.init) = (subplans.next, subplans.next_init);
        for Detail { label, text } in found {
            let text = subplans.number(text);
            self.property(inside, &format!("{label}: {text}"));
        }
        if matches!(shown.kind, NodeKind::IndexScan { only: true, .. })
            && (self.figures)(shown).is_some_and(|figures| figures.loops > 0)
        {
            // PostgreSQL has to look at rows that its visibility map does not vouch for.
            self.property(inside, "Heap Fetches: 0");
        }
        self.counters(inside, node);
        for plan in subplans.plans {
            let text = format!("{}{}", " ".repeat(inside * 2), plan.title);
            self.lines.push(text);
            self.node(plan.node, inside + 1, &plan.frame);
        }
        self.inputs(shown, inside, frame);
    }

    fn inputs(&mut self, node: &Node, inside: usize, frame: &[String]) {
        match &node.kind {
            NodeKind::NestedLoop { left, right, outer, .. } => {
                self.node(left, inside, frame);
                let scope = Scope { names: &self.names, frame };
                let inner: Vec<String> =
                    outer.iter().map(|value| scope.expr(value, &[left], false)).collect();
                let inner = if outer.is_empty() { frame } else { &inner };
                self.node(right, inside, inner);
            }
            NodeKind::HashJoin { left, right, .. } => {
                self.node(left, inside, frame);
                let mut line = format!("{}->  Hash", " ".repeat(inside * 2));
                self.estimates(&mut line, right);
                self.actual(&mut line, right);
                self.lines.push(line);
                self.node(right, inside + 3, frame);
            }
            NodeKind::CteScan { with, name, plan, .. } => {
                if !self.withs.contains(with) {
                    self.withs.push(*with);
                    self.property(inside, &format!("CTE {}", deparse::identifier(name)));
                    self.node(plan, inside + 1, &[]);
                }
            }
            _ => {
                for input in inputs(node) {
                    self.node(input, inside, frame);
                }
            }
        }
    }

    fn property(&mut self, indent: usize, text: &str) {
        self.lines.push(format!("{}{text}", " ".repeat(indent * 2)));
    }

    fn estimates(&self, line: &mut String, node: &Node) {
        if !self.options.costs {
            return;
        }
        let (start, total) = node.cost;
        let is_modify = matches!(node.kind, NodeKind::ModifyTable(_)) && node.output.is_empty();
        let rows = if is_modify { 0.0 } else { node.rows.round().max(1.0) };
        let width: i32 = node.output.iter().map(|column| width(column.ty)).sum();
        line.push_str(&format!("  (cost={start:.2}..{total:.2} rows={rows:.0} width={width})"));
    }

    fn actual(&self, line: &mut String, node: &Node) {
        let Some(figures) = (self.figures)(node) else { return };
        if figures.loops == 0 {
            line.push_str(" (never executed)");
            return;
        }
        let loops = figures.loops as f64;
        let rows = figures.rows as f64 / loops;
        let ms = |us: i64| us as f64 / 1000.0 / loops;
        let (first, total) = (ms(figures.first_us), ms(figures.total_us));
        let count = figures.loops;
        line.push_str(&if self.options.timing {
            format!(" (actual time={first:.3}..{total:.3} rows={rows:.0} loops={count})")
        } else {
            format!(" (actual rows={rows:.0} loops={count})")
        });
    }

    fn counters(&mut self, indent: usize, node: &Node) {
        if !self.options.buffers {
            return;
        }
        let Some(Figures { counters, .. }) = (self.figures)(node) else { return };
        if counters.leaf_hits == 0 && counters.loads == 0 && counters.store_reads == 0 {
            return;
        }
        let text = format!(
            "Buffers: leaf hits={} loads={} store reads={}",
            counters.leaf_hits, counters.loads, counters.store_reads
        );
        self.property(indent, &text);
    }
}

/// The average bytes of a type's values, as PostgreSQL guesses without statistics.
fn width(ty: Type) -> i32 {
    let length = catalog::by_oid(ty.oid).map_or(-1, |entry| entry.length);
    if length > 0 {
        return i32::from(length);
    }
    match ty.modifier - 4 {
        max if max <= 0 || ty.oid == Type::NUMERIC.oid => 32,
        max if ty.oid == Type::BPCHAR.oid => max + 4,
        max if max <= 32 => max + 4,
        max if max < 1000 => 32 + (max - 32) / 2,
        _ => 32,
    }
}

/// The words that a kind of join adds to a node's name.
fn join_words(kind: JoinKind) -> &'static str {
    match kind {
        JoinKind::Inner => "",
        JoinKind::Left => " Left Join",
        JoinKind::Right => " Right Join",
        JoinKind::Full => " Full Join",
        JoinKind::Semi => " Semi Join",
        JoinKind::Anti => " Anti Join",
    }
}
