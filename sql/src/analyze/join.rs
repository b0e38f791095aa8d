//! Joins: ON, USING and NATURAL.

use sqlparser::ast::{self, JoinConstraint, JoinOperator};

use super::Analyzer;
use super::analyzer::unsupported;
use super::from::{ITEMS_MAX, check_conflicts, hidden, new_item};
use super::query::{From, Meaning};
use super::scope::{Item, ItemColumn, Place};
use crate::error::{NameError, Result, SyntaxError};
use crate::expr::{Expr, ExprKind};
use crate::parser::fold;
use crate::plan::JoinKind;
use crate::types::Type;

/// The columns two sides share by name.
struct Merged {
    name: String,
    left: Expr,
    right: Expr,
    position: Option<u32>,
}

impl Analyzer<'_> {
    /// A FROM element with the joins behind it.
    pub(super) fn table_with_joins(
        &mut self,
        joined: &ast::TableWithJoins,
    ) -> Result<(From, Vec<Item>)> {
        self.step()?;
        if joined.joins.len() > ITEMS_MAX {
            return Err(SyntaxError::TooDeep.into());
        }
        let before = self.level().items.clone();
        let (mut tree, mut items) = self.table_factor(&joined.relation)?;
        for join in &joined.joins {
            let ast::Join { relation, global, join_operator } = join;
            if *global {
                return Err(unsupported("GLOBAL JOIN", None));
            }
            let (kind, constraint) = kind_of(join_operator)?;
            self.check_constraint(join_operator, relation)?;
            let lateral_refused = matches!(kind, JoinKind::Right | JoinKind::Full);
            let left = items.iter().cloned().map(hidden);
            let left = left.map(|item| Item { lateral_refused, ..item });
            self.level().items = before.iter().cloned().chain(left).collect();
            let (right_tree, right_items) = self.table_factor(relation)?;
            check_conflicts(&items, &right_items)?;
            let (left_count, right_count) = (items.len(), right_items.len());
            let on;
            (on, items) = self.constraint(kind, constraint, &before, items, right_items)?;
            if matches!(kind, JoinKind::Right | JoinKind::Full) {
                self.may_be_missing(&items[..left_count]);
            }
            if matches!(kind, JoinKind::Left | JoinKind::Full) {
                self.may_be_missing(&items[left_count..left_count + right_count]);
            }
            tree = From::Join { kind, left: Box::new(tree), right: Box::new(right_tree), on };
        }
        self.level().items = before;
        Ok((tree, items))
    }

    /// Notes that a join may give rows without these items.
    fn may_be_missing(&mut self, items: &[Item]) {
        for relation in items.iter().filter_map(|item| item.relation) {
            if self.relations[relation].present.is_none() {
                let present = self.new_id(Meaning::Present { relation });
                self.relations[relation].present = Some(present);
            }
        }
    }

    /// Refuses a join without ON or USING: the grammar misses them behind the right side.
    fn check_constraint(&self, operator: &JoinOperator, relation: &ast::TableFactor) -> Result<()> {
        let needs = match operator {
            JoinOperator::CrossJoin(JoinConstraint::None) => false,
            JoinOperator::CrossJoin(_) => {
                return Err(unsupported("a condition on CROSS JOIN", None));
            }
            JoinOperator::Join(c)
            | JoinOperator::Inner(c)
            | JoinOperator::Left(c)
            | JoinOperator::LeftOuter(c)
            | JoinOperator::Right(c)
            | JoinOperator::RightOuter(c)
            | JoinOperator::FullOuter(c) => matches!(c, JoinConstraint::None),
            _ => false,
        };
        if needs { Err(self.source.error_after(self.source.span_of(relation))) } else { Ok(()) }
    }

    fn constraint(
        &mut self,
        kind: JoinKind,
        constraint: &JoinConstraint,
        before: &[Item],
        left: Vec<Item>,
        right: Vec<Item>,
    ) -> Result<(Vec<Expr>, Vec<Item>)> {
        match constraint {
            JoinConstraint::None => Ok((Vec::new(), concat(left, right))),
            JoinConstraint::On(condition) => {
                let items = concat(left, right);
                self.level().items = before.iter().chain(&items).cloned().collect();
                let on = self.condition(condition, Place::JoinOn, "JOIN/ON")?;
                Ok((on, items))
            }
            JoinConstraint::Using(names) => {
                let mut shared = Vec::with_capacity(names.len());
                for name in names {
                    let [ast::ObjectNamePart::Identifier(ident)] = name.0.as_slice() else {
                        return Err(unsupported("a qualified name in USING", None));
                    };
                    let (name, position) = (fold(ident), self.position(ident.span));
                    if shared.iter().any(|known: &Merged| known.name == name) {
                        return Err(NameError::DuplicateUsingColumn { column: name }.into());
                    }
                    let left = using_column(&left, &name, "left")?;
                    let right = using_column(&right, &name, "right")?;
                    shared.push(Merged { name, left, right, position });
                }
                self.merge_sides(kind, shared, left, right)
            }
            JoinConstraint::Natural => {
                let mut shared: Vec<Merged> = Vec::new();
                for column in visible(&left) {
                    let name = column.name.clone();
                    if !visible(&right).any(|other| other.name == name) {
                        continue;
                    }
                    let left = using_column(&left, &name, "left")?;
                    let right = using_column(&right, &name, "right")?;
                    shared.push(Merged { name, left, right, position: None });
                }
                self.merge_sides(kind, shared, left, right)
            }
        }
    }

    /// The conditions of USING, and the item whose columns hide both sides'.
    fn merge_sides(
        &mut self,
        kind: JoinKind,
        shared: Vec<Merged>,
        left: Vec<Item>,
        right: Vec<Item>,
    ) -> Result<(Vec<Expr>, Vec<Item>)> {
        let mut on = Vec::with_capacity(shared.len());
        let mut columns = Vec::new();
        for Merged { name, left, right, position } in &shared {
            let pair = (self.copied(left)?, self.copied(right)?);
            on.push(self.binary("=", pair.0, pair.1, || *position)?);
            let types = super::unify::types_of([left, right]);
            let ty = self.common_type_of(&types, "JOIN/USING")?;
            let ty = ty.with_modifier(super::unify::common_modifier(&types, ty));
            let expr = match kind {
                JoinKind::Right => self.coerce_common(right.clone(), ty, "JOIN/USING")?,
                JoinKind::Full => {
                    let (args, _) = self.unify(vec![left.clone(), right.clone()], "JOIN/USING")?;
                    Expr { kind: ExprKind::Coalesce(args), ty, position: None }
                }
                // The sides are equal, so the one that stays as it is stands for both.
                JoinKind::Inner if left.ty != ty && right.ty == ty => right.clone(),
                _ => self.coerce_common(left.clone(), ty, "JOIN/USING")?,
            };
            columns.push(ItemColumn { name: name.clone(), expr: without_length(expr, ty) });
        }
        let rest = visible(&left).chain(visible(&right));
        let rest = rest.filter(|column| !shared.iter().any(|known| known.name == column.name));
        columns.extend(rest.cloned());
        let mut items = concat(left, right);
        for item in &mut items {
            item.columns_visible = false;
        }
        items.push(new_item(None, None, columns));
        Ok((on, items))
    }
}

/// A column as one of the merged type, which may have no length where the column's has one.
fn without_length(expr: Expr, ty: Type) -> Expr {
    if expr.ty == ty {
        return expr;
    }
    let position = expr.position;
    Expr { kind: ExprKind::Relabel(Box::new(expr)), ty, position }
}

fn visible(items: &[Item]) -> impl Iterator<Item = &ItemColumn> {
    items.iter().filter(|item| item.columns_visible).flat_map(|item| &item.columns)
}

fn concat(mut left: Vec<Item>, right: Vec<Item>) -> Vec<Item> {
    left.extend(right);
    left
}

/// The one column of a name on one side.
fn using_column(items: &[Item], name: &str, side: &'static str) -> Result<Expr> {
    let mut found = visible(items).filter(|column| column.name == name);
    match (found.next(), found.next()) {
        (Some(column), None) => Ok(column.expr.clone()),
        (None, _) => Err(NameError::UndefinedUsingColumn { column: name.to_owned(), side }.into()),
        (Some(_), Some(_)) => {
            Err(NameError::AmbiguousUsingColumn { column: name.to_owned(), side }.into())
        }
    }
}

fn kind_of(operator: &JoinOperator) -> Result<(JoinKind, &JoinConstraint)> {
    Ok(match operator {
        JoinOperator::Join(c) | JoinOperator::Inner(c) | JoinOperator::CrossJoin(c) => {
            (JoinKind::Inner, c)
        }
        JoinOperator::Left(c) | JoinOperator::LeftOuter(c) => (JoinKind::Left, c),
        JoinOperator::Right(c) | JoinOperator::RightOuter(c) => (JoinKind::Right, c),
        JoinOperator::FullOuter(c) => (JoinKind::Full, c),
        _ => return Err(unsupported("this kind of join", None)),
    })
}
