//! Going through an expression: its children, and the same expression with other children.

use super::{Aggregate, CaseBranch, Expr, ExprKind, SubqueryKind};
use crate::error::Result;
use crate::plan::SortKey;

impl Expr {
    /// Calls `visit` with each direct child. A subquery's children are those of the query around
    /// it: the left side of its comparison, and the values handed in.
    pub fn each_child<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr)) {
        match &self.kind {
            ExprKind::Constant(_)
            | ExprKind::Column(_)
            | ExprKind::Parameter(_)
            | ExprKind::CaseOperand
            | ExprKind::Outer(_) => {}
            ExprKind::CoerceViaText(arg)
            | ExprKind::Relabel(arg)
            | ExprKind::Length { arg, .. }
            | ExprKind::Not(arg)
            | ExprKind::IsNull(arg)
            | ExprKind::AllPresent(arg)
            | ExprKind::IsTruth(arg, _) => visit(arg),
            ExprKind::Call { args, .. }
            | ExprKind::And(args)
            | ExprKind::Or(args)
            | ExprKind::Coalesce(args)
            | ExprKind::Extreme(_, args)
            | ExprKind::Array(args)
            | ExprKind::Row(args) => args.iter().for_each(visit),
            ExprKind::Distinct { left, right, .. } | ExprKind::NullIf { left, right, .. } => {
                visit(left);
                visit(right);
            }
            ExprKind::Case { operand, branches, otherwise } => {
                operand.iter().for_each(|operand| visit(operand));
                for CaseBranch { condition, value } in branches {
                    visit(condition);
                    visit(value);
                }
                visit(otherwise);
            }
            ExprKind::InList { arg, list, .. } => {
                visit(arg);
                list.iter().for_each(visit);
            }
            ExprKind::InArray { arg, array, .. } => {
                visit(arg);
                visit(array);
            }
            ExprKind::Subscript(array, indexes) => {
                visit(array);
                indexes.iter().for_each(visit);
            }
            ExprKind::Subquery { kind, outer, .. } => {
                if let SubqueryKind::Compare { arg, .. } = kind {
                    visit(arg);
                }
                outer.iter().for_each(visit);
            }
        }
    }

    /// Calls `visit` with each direct child, to change it.
    pub(crate) fn each_child_mut(&mut self, visit: &mut dyn FnMut(&mut Expr)) {
        match &mut self.kind {
            ExprKind::Constant(_)
            | ExprKind::Column(_)
            | ExprKind::Parameter(_)
            | ExprKind::CaseOperand
            | ExprKind::Outer(_) => {}
            ExprKind::Call { args, .. } => args.iter_mut().for_each(visit),
            ExprKind::CoerceViaText(arg)
            | ExprKind::Relabel(arg)
            | ExprKind::Not(arg)
            | ExprKind::IsNull(arg)
            | ExprKind::AllPresent(arg)
            | ExprKind::Length { arg, .. }
            | ExprKind::IsTruth(arg, _) => visit(arg),
            ExprKind::And(args)
            | ExprKind::Or(args)
            | ExprKind::Coalesce(args)
            | ExprKind::Array(args)
            | ExprKind::Row(args)
            | ExprKind::Extreme(_, args) => args.iter_mut().for_each(visit),
            ExprKind::Distinct { left, right, .. } | ExprKind::NullIf { left, right, .. } => {
                visit(left);
                visit(right);
            }
            ExprKind::Case { operand, branches, otherwise } => {
                operand.iter_mut().for_each(|operand| visit(operand));
                for branch in branches {
                    visit(&mut branch.condition);
                    visit(&mut branch.value);
                }
                visit(otherwise);
            }
            ExprKind::InList { arg, list, .. } => {
                visit(arg);
                list.iter_mut().for_each(visit);
            }
            ExprKind::InArray { arg, array, .. } => {
                visit(arg);
                visit(array);
            }
            ExprKind::Subscript(arg, indexes) => {
                visit(arg);
                indexes.iter_mut().for_each(visit);
            }
            ExprKind::Subquery { kind, outer, .. } => {
                if let SubqueryKind::Compare { arg, .. } = kind {
                    visit(arg);
                }
                outer.iter_mut().for_each(visit);
            }
        }
    }

    /// The same expression with `change` applied to each direct child.
    ///
    /// # Errors
    ///
    /// Those of `change`.
    pub fn map_children(&self, change: &mut dyn FnMut(&Expr) -> Result<Expr>) -> Result<Expr> {
        let kind = match &self.kind {
            ExprKind::Constant(_)
            | ExprKind::Column(_)
            | ExprKind::Parameter(_)
            | ExprKind::CaseOperand
            | ExprKind::Outer(_) => self.kind.clone(),
            ExprKind::CoerceViaText(arg) => ExprKind::CoerceViaText(boxed(arg, change)?),
            ExprKind::Relabel(arg) => ExprKind::Relabel(boxed(arg, change)?),
            ExprKind::Length { arg, explicit } => {
                ExprKind::Length { arg: boxed(arg, change)?, explicit: *explicit }
            }
            ExprKind::Not(arg) => ExprKind::Not(boxed(arg, change)?),
            ExprKind::IsNull(arg) => ExprKind::IsNull(boxed(arg, change)?),
            ExprKind::AllPresent(arg) => ExprKind::AllPresent(boxed(arg, change)?),
            ExprKind::IsTruth(arg, truth) => ExprKind::IsTruth(boxed(arg, change)?, *truth),
            ExprKind::Call { function, args } => {
                ExprKind::Call { function, args: all(args, change)? }
            }
            ExprKind::And(args) => ExprKind::And(all(args, change)?),
            ExprKind::Or(args) => ExprKind::Or(all(args, change)?),
            ExprKind::Coalesce(args) => ExprKind::Coalesce(all(args, change)?),
            ExprKind::Extreme(greatest, args) => ExprKind::Extreme(*greatest, all(args, change)?),
            ExprKind::Array(args) => ExprKind::Array(all(args, change)?),
            ExprKind::Row(args) => ExprKind::Row(all(args, change)?),
            ExprKind::Distinct { equal, left, right } => ExprKind::Distinct {
                equal,
                left: boxed(left, change)?,
                right: boxed(right, change)?,
            },
            ExprKind::NullIf { equal, left, right } => {
                ExprKind::NullIf { equal, left: boxed(left, change)?, right: boxed(right, change)? }
            }
            ExprKind::Case { operand, branches, otherwise } => {
                let operand = operand.as_deref().map(|operand| boxed(operand, change));
                let operand = operand.transpose()?;
                let branch = |CaseBranch { condition, value }: &CaseBranch| {
                    Ok(CaseBranch { condition: change(condition)?, value: change(value)? })
                };
                let branches = branches.iter().map(branch).collect::<Result<_>>()?;
                ExprKind::Case { operand, branches, otherwise: boxed(otherwise, change)? }
            }
            ExprKind::InList { compare, arg, list, quantifier } => ExprKind::InList {
                compare,
                arg: boxed(arg, change)?,
                list: all(list, change)?,
                quantifier: *quantifier,
            },
            ExprKind::InArray { compare, arg, array, quantifier } => ExprKind::InArray {
                compare,
                arg: boxed(arg, change)?,
                array: boxed(array, change)?,
                quantifier: *quantifier,
            },
            ExprKind::Subscript(array, indexes) => {
                ExprKind::Subscript(boxed(array, change)?, all(indexes, change)?)
            }
            ExprKind::Subquery { kind, plan, outer } => ExprKind::Subquery {
                kind: match kind {
                    SubqueryKind::Compare { compare, arg, quantifier } => SubqueryKind::Compare {
                        compare,
                        arg: boxed(arg, change)?,
                        quantifier: *quantifier,
                    },
                    other => other.clone(),
                },
                plan: plan.clone(),
                outer: all(outer, change)?,
            },
        };
        Ok(Expr { kind, ty: self.ty, position: self.position })
    }
}

impl Aggregate {
    /// Calls `visit` with each expression over the input row.
    pub fn each_input<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr)) {
        self.args.iter().for_each(&mut *visit);
        self.order.iter().for_each(|key| visit(&key.expr));
        self.filter.iter().for_each(visit);
    }

    /// The same aggregate with `change` applied to each expression over the input row.
    ///
    /// # Errors
    ///
    /// Those of `change`.
    pub fn map_inputs(&self, change: &mut dyn FnMut(&Expr) -> Result<Expr>) -> Result<Aggregate> {
        let order = self.order.iter().map(|key| {
            let SortKey { expr, descending, nulls_first } = key;
            Ok(SortKey { expr: change(expr)?, descending: *descending, nulls_first: *nulls_first })
        });
        let order = order.collect::<Result<_>>()?;
        Ok(Aggregate {
            function: self.function,
            args: all(&self.args, change)?,
            distinct: self.distinct,
            order,
            filter: self.filter.as_ref().map(change).transpose()?,
            ty: self.ty,
        })
    }
}

fn boxed(expr: &Expr, change: &mut dyn FnMut(&Expr) -> Result<Expr>) -> Result<Box<Expr>> {
    Ok(Box::new(change(expr)?))
}

fn all(exprs: &[Expr], change: &mut dyn FnMut(&Expr) -> Result<Expr>) -> Result<Vec<Expr>> {
    exprs.iter().map(change).collect()
}
