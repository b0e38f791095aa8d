//! The analyzer's state and its entry.

use std::cell::Cell;

use reckon_mvcc::Pace;
use sqlparser::ast;
use sqlparser::tokenizer::Span;

use super::query::{
    Analysis, Body, ColumnId, Meaning, OuterReference, Relation, RelationColumn, RelationKind,
};
use super::scope::{Level, Place};
use crate::catalog::Lookup;
use crate::error::{Error, Result, SyntaxError, TypeError};
use crate::expr::{Expr, ExprKind};
use crate::parser::{Kind, Source, Statement};
use crate::types::{Formats, Type};

/// What an analysis depends on besides the statement.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) lookup: &'a dyn Lookup,
    pub(super) formats: &'a Formats,
    /// Whether `$n` past the known parameters makes a new one.
    pub(super) infer_parameters: bool,
}

/// The state of one analysis.
pub(crate) struct Analyzer<'a> {
    pub(super) source: &'a Source,
    pub(super) around: Surroundings<'a>,
    pub(super) parameters: &'a mut Vec<Option<Type>>,
    pub(super) levels: Vec<Level>,
    pub(super) relations: Vec<Relation>,
    pub(super) meanings: Vec<Meaning>,
    /// Whether a literal has been read whose value depends on the clock: `'today'::date`.
    pub(super) reads_clock: Cell<bool>,
    /// How many calls of volatile functions there have been.
    pub(super) volatile_calls: usize,
    /// How many WITH queries there have been.
    pub(super) with_queries: usize,
    /// How many more steps it may take.
    steps_left: Cell<usize>,
    pace: Pace,
}

/// Steps of an analysis for each byte of the text, and besides. A step is an expression, or one that is
/// copied: a row compared with a subquery is analyzed twice, the operand of BETWEEN stands in both
/// comparisons, and so what is nested has many more than the text has words.
const STEPS_A_BYTE: usize = 4;
const STEPS_MORE: usize = 250_000;

/// Analyzes a statement. `parameters` are the types that are known, and then all of them.
///
/// # Errors
///
/// Whatever is wrong with its names and types, in PostgreSQL's words.
pub(crate) fn analyze(
    statement: &Statement,
    lookup: &dyn Lookup,
    parameters: &mut Vec<Option<Type>>,
    formats: &Formats,
) -> Result<Analysis> {
    let around = Surroundings { lookup, formats, infer_parameters: true };
    let Kind::Query(parsed) = &statement.kind else {
        return Err(SyntaxError::unsupported("a plan for this statement").into());
    };
    let mut analyzer = Analyzer::new(&statement.source, around, parameters);
    let body = match parsed.as_ref() {
        ast::Statement::Query(query) => analyzer.top_query(query)?,
        ast::Statement::Insert(insert) => Body::Insert(Box::new(analyzer.insert(insert)?)),
        ast::Statement::Update(update) => Body::Update(Box::new(analyzer.update(update)?)),
        ast::Statement::Delete(delete) => Body::Delete(Box::new(analyzer.delete(delete)?)),
        _ => return Err(SyntaxError::unsupported("this statement").into()),
    };
    analyzer.finish(body)
}

impl<'a> Analyzer<'a> {
    pub(super) fn new(
        source: &'a Source,
        around: Surroundings<'a>,
        parameters: &'a mut Vec<Option<Type>>,
    ) -> Analyzer<'a> {
        Analyzer {
            source,
            around,
            parameters,
            levels: Vec::new(),
            relations: Vec::new(),
            meanings: Vec::new(),
            reads_clock: Cell::new(false),
            volatile_calls: 0,
            with_queries: 0,
            steps_left: Cell::new(source.text().len() * STEPS_A_BYTE + STEPS_MORE),
            pace: Pace::default(),
        }
    }

    /// To be called for each level of what is analyzed.
    ///
    /// # Errors
    ///
    /// 54001 when it is too deep or takes too long, and the reason to stop when there is one.
    pub(super) fn step(&self) -> Result<()> {
        crate::stack::check()?;
        self.take_steps(1)
    }

    fn take_steps(&self, steps: usize) -> Result<()> {
        let left = self.steps_left.get().checked_sub(steps);
        self.steps_left.set(left.ok_or(SyntaxError::TooComplex)?);
        self.around.lookup.check(&self.pace)
    }

    /// The same expression once more.
    pub(super) fn copied(&self, expr: &Expr) -> Result<Expr> {
        fn size(expr: &Expr) -> usize {
            let mut total = 1;
            expr.each_child(&mut |child| total += size(child));
            total
        }
        self.take_steps(size(expr))?;
        Ok(expr.clone())
    }

    fn finish(self, body: Body) -> Result<Analysis> {
        if let Some(n) = self.parameters.iter().position(Option::is_none) {
            return Err(TypeError::UnknownParameter { number: n + 1 }.into());
        }
        let reads_clock = self.reads_clock.get();
        Ok(Analysis { body, relations: self.relations, meanings: self.meanings, reads_clock })
    }

    /// The statement of a query: SELECT, or a data-modifying statement under WITH.
    fn top_query(&mut self, query: &ast::Query) -> Result<Body> {
        let inner = match query.body.as_ref() {
            ast::SetExpr::Insert(statement)
            | ast::SetExpr::Update(statement)
            | ast::SetExpr::Delete(statement) => statement,
            _ => {
                let query = self.query(query, true)?;
                return Ok(Body::Select(query));
            }
        };
        self.levels.push(Level::default());
        self.with_clause(query.with.as_ref())?;
        let body = match inner {
            ast::Statement::Insert(insert) => Body::Insert(Box::new(self.insert(insert)?)),
            ast::Statement::Update(update) => Body::Update(Box::new(self.update(update)?)),
            ast::Statement::Delete(delete) => Body::Delete(Box::new(self.delete(delete)?)),
            _ => return Err(SyntaxError::unsupported("this statement").into()),
        };
        self.levels.pop();
        Ok(body)
    }

    pub(super) fn level(&mut self) -> &mut Level {
        if self.levels.is_empty() {
            self.levels.push(Level::default());
        }
        let last = self.levels.len() - 1;
        &mut self.levels[last]
    }

    pub(super) fn place(&self) -> Place {
        self.levels.last().map(|level| level.place).unwrap_or_default()
    }

    /// Runs `work` with the innermost level at another place.
    pub(super) fn at_place<T>(
        &mut self,
        place: Place,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let before = std::mem::replace(&mut self.level().place, place);
        let result = work(self);
        self.level().place = before;
        result
    }

    pub(super) fn new_id(&mut self, meaning: Meaning) -> ColumnId {
        self.meanings.push(meaning);
        self.meanings.len() - 1
    }

    /// Adds a relation and gives its columns ids.
    pub(super) fn add_relation(
        &mut self,
        kind: RelationKind,
        alias: String,
        columns: Vec<RelationColumn>,
        lateral: bool,
    ) -> usize {
        let index = self.relations.len();
        let first = self.meanings.len();
        self.meanings.extend(columns.iter().map(|_| Meaning::Relation { relation: index }));
        self.relations.push(Relation {
            kind,
            alias,
            first,
            columns,
            present: None,
            lateral,
            with: None,
        });
        index
    }

    /// The column `n` of a relation.
    pub(super) fn column_of(&self, relation: usize, n: usize, position: Option<u32>) -> Expr {
        let relation = &self.relations[relation];
        let ty = relation.columns[n].ty;
        Expr { kind: ExprKind::Column(relation.first + n), ty, position }
    }

    /// Notes the use of a column of `level` in all levels inside of it.
    pub(super) fn note_use(&mut self, level: usize, id: ColumnId, position: Option<u32>) {
        for inside in &mut self.levels[level + 1..] {
            inside.outer.push(OuterReference { id, position, level });
        }
    }

    pub(super) fn position(&self, span: Span) -> Option<u32> {
        self.source.position(span)
    }
}

/// The error of a feature that is not there, at a place.
pub(super) fn unsupported(feature: impl Into<String>, position: Option<u32>) -> Error {
    Error::from(SyntaxError::unsupported(feature)).at(position)
}
