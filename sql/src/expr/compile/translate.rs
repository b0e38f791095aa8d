//! From [`Expr`] to [`Step`].

use super::arithmetic::{self, Arithmetic};
use super::array::{Construct, Subscript};
use super::call::{Call, Length, ViaText};
use super::choice::{Branch, Case, Pair};
use super::comparator::{self, Comparator, Compare};
use super::elements::{ElementCast, Elements};
use super::list::{self, InArray, InList};
use super::step::Step;
use super::subquery::{Question, Subquery};
use crate::error::{ExecutionError, Result, SyntaxError};
use crate::exec::Builder;
use crate::expr::function::{self, Body, CastMethod, Function, Volatility};
use crate::expr::{CaseBranch, Expr, ExprKind, Quantifier, SubqueryKind};
use crate::plan::Node;
use crate::types::{Oid, Type, TypeOrder};

/// Compiles an expression and what is below it.
pub(super) fn step(expr: &Expr, builder: &mut Builder) -> Result<Step> {
    crate::stack::check()?;
    Ok(match &expr.kind {
        ExprKind::Constant(value) => Step::Constant(value.clone()),
        ExprKind::Column(position) => {
            builder.use_column(*position);
            Step::Column(*position)
        }
        ExprKind::Parameter(number) => Step::Parameter(*number),
        ExprKind::Outer(position) => {
            builder.use_frame();
            Step::Outer(*position)
        }
        ExprKind::Call { function, args } => call(expr, function, args, builder)?,
        ExprKind::Relabel(arg) => relabel(arg, expr.ty, builder)?,
        ExprKind::CoerceViaText(arg) => via_text(arg, expr.ty, builder)?,
        ExprKind::Length { arg, explicit } => Step::Length(Box::new(Length {
            arg: step(arg, builder)?,
            ty: expr.ty,
            explicit: *explicit,
        })),
        ExprKind::And(terms) => Step::And(steps(terms, builder)?),
        ExprKind::Or(terms) => Step::Or(steps(terms, builder)?),
        ExprKind::Not(term) => Step::Not(Box::new(step(term, builder)?)),
        ExprKind::IsNull(arg) => Step::IsNull(Box::new(step(arg, builder)?)),
        ExprKind::AllPresent(arg) => Step::AllPresent(Box::new(step(arg, builder)?)),
        ExprKind::IsTruth(arg, truth) => Step::IsTruth(Box::new(step(arg, builder)?), *truth),
        ExprKind::Distinct { equal, left, right } => {
            Step::Distinct(Box::new(pair(equal, left, right, builder)?))
        }
        ExprKind::NullIf { equal, left, right } => {
            Step::NullIf(Box::new(pair(equal, left, right, builder)?))
        }
        ExprKind::CaseOperand => Step::CaseOperand,
        ExprKind::Case { operand, branches, otherwise } => {
            Step::Case(Box::new(case(operand.as_deref(), branches, otherwise, builder)?))
        }
        ExprKind::Coalesce(values) => Step::Coalesce(steps(values, builder)?),
        ExprKind::Extreme(greatest, values) => {
            Step::Extreme((*greatest, TypeOrder::of(expr.ty)), steps(values, builder)?)
        }
        ExprKind::InList { compare, arg, list, quantifier } => {
            in_list(compare, arg, list, *quantifier, builder)?
        }
        ExprKind::InArray { compare, arg, array, quantifier } => {
            let right = array.ty.element().unwrap_or(arg.ty);
            Step::InArray(Box::new(InArray {
                comparator: Comparator::new(compare, arg.ty, right),
                quantifier: *quantifier,
                arg: step(arg, builder)?,
                array: step(array, builder)?,
            }))
        }
        ExprKind::Array(items) => Step::Array(Box::new(Construct {
            element: innermost(expr.ty)?,
            nested: items.first().is_some_and(|item| element(item.ty).is_some()),
            items: steps(items, builder)?,
        })),
        ExprKind::Subscript(array, indices) => Step::Subscript(Box::new(Subscript {
            array: step(array, builder)?,
            indices: steps(indices, builder)?,
        })),
        ExprKind::Row(fields) => row(fields, builder)?,
        ExprKind::Subquery { kind, plan, outer } => subquery(kind, plan, outer, expr.ty, builder)?,
    })
}

fn case(
    operand: Option<&Expr>,
    branches: &[CaseBranch],
    otherwise: &Expr,
    builder: &mut Builder,
) -> Result<Case> {
    let operand = operand.map(|operand| step(operand, builder)).transpose()?;
    let branches = branches.iter().map(|branch| {
        let condition = step(&branch.condition, builder)?;
        Ok(Branch { condition, value: step(&branch.value, builder)? })
    });
    let branches = branches.collect::<Result<_>>()?;
    Ok(Case { operand, branches, otherwise: step(otherwise, builder)? })
}

fn via_text(arg: &Expr, to: Type, builder: &mut Builder) -> Result<Step> {
    if let (Some(from), Some(element)) = (arg.ty.element(), to.element()) {
        return each_element(arg, element_cast(from, element)?, to, builder);
    }
    Ok(Step::ViaText(Box::new(ViaText { from: arg.ty, to, arg: step(arg, builder)? })))
}

/// An array says what its elements are, other values do not.
fn relabel(arg: &Expr, to: Type, builder: &mut Builder) -> Result<Step> {
    match (arg.ty.element(), to.element()) {
        (Some(_), Some(_)) => each_element(arg, ElementCast::Relabel, to, builder),
        _ => step(arg, builder),
    }
}

fn each_element(arg: &Expr, cast: ElementCast, to: Type, builder: &mut Builder) -> Result<Step> {
    let bare = |ty: Type| ty.element().unwrap_or(ty).with_modifier(-1);
    let (from, to) = (bare(arg.ty), bare(to));
    Ok(Step::Elements(Box::new(Elements { arg: step(arg, builder)?, from, to, cast })))
}

fn element_cast(from: Type, to: Type) -> Result<ElementCast> {
    let method = function::cast(from, to).map(|cast| cast.method);
    let Some(CastMethod::Function(oid)) = method else { return Ok(ElementCast::Text) };
    match function::function(oid).map(|function| function.body) {
        Some(Body::Scalar(body)) => Ok(ElementCast::Function(body)),
        _ => Err(ExecutionError::Internal { what: "a cast by no function" }.into()),
    }
}

fn steps(exprs: &[Expr], builder: &mut Builder) -> Result<Vec<Step>> {
    exprs.iter().map(|expr| step(expr, builder)).collect()
}

fn call(
    expr: &Expr,
    function: &'static Function,
    args: &[Expr],
    builder: &mut Builder,
) -> Result<Step> {
    let arg_types = args.iter().map(|arg| arg.ty).collect::<Vec<_>>();
    let mut args = steps(args, builder)?;
    if let (true, Some((class, relation))) = (args.len() == 2, comparator::in_place(function)) {
        let (right, left) = (args.remove(1), args.remove(0));
        return Ok(Step::Compare(Box::new(Compare { relation, class, left, right })));
    }
    if let (true, Some((operation, width))) = (args.len() == 2, arithmetic::in_place(function)) {
        let (right, left) = (args.remove(1), args.remove(0));
        return Ok(Step::Arithmetic(Box::new(Arithmetic { operation, width, left, right })));
    }
    let Body::Scalar(body) = function.body else {
        let feature = "a set-returning function in this place".to_owned();
        return Err(crate::Error::from(SyntaxError::Unsupported { feature }).at(expr.position));
    };
    if function.volatility == Volatility::Volatile {
        builder.use_heavy();
    }
    let values = Vec::with_capacity(args.len());
    let strict = function.strict;
    Ok(Step::Call(Box::new(Call { body, strict, args, arg_types, result: expr.ty, values })))
}

fn pair(
    equal: &'static Function,
    left: &Expr,
    right: &Expr,
    builder: &mut Builder,
) -> Result<Pair> {
    Ok(Pair {
        equal: Comparator::new(equal, left.ty, right.ty),
        left: step(left, builder)?,
        right: step(right, builder)?,
    })
}

fn in_list(
    compare: &'static Function,
    arg: &Expr,
    list: &[Expr],
    quantifier: Quantifier,
    builder: &mut Builder,
) -> Result<Step> {
    let right = list.first().map_or(arg.ty, |element| element.ty);
    let comparator = Comparator::new(compare, arg.ty, right);
    let list = list::members(steps(list, builder)?, &comparator, quantifier);
    let arg = step(arg, builder)?;
    Ok(Step::InList(Box::new(InList { comparator, quantifier, arg, list })))
}

fn subquery(
    kind: &SubqueryKind,
    plan: &Node,
    outer: &[Expr],
    ty: Type,
    builder: &mut Builder,
) -> Result<Step> {
    let column = plan.output.first().map(|column| column.ty);
    let question = match kind {
        SubqueryKind::Exists => Question::Exists,
        SubqueryKind::Scalar => Question::Scalar,
        SubqueryKind::Compare { compare, arg, quantifier } => Question::Compare {
            comparator: Comparator::new(compare, arg.ty, column.unwrap_or(arg.ty)),
            arg: step(arg, builder)?,
            quantifier: *quantifier,
        },
        SubqueryKind::Array => Question::Array {
            element: innermost(ty)?,
            stacks: column.is_some_and(|column| column.oid == ty.oid),
        },
    };
    let outer = steps(outer, builder)?;
    let plan = builder.subplan(plan)?;
    Ok(Step::Subquery(Box::new(Subquery::new(question, plan, outer))))
}

fn row(fields: &[Expr], builder: &mut Builder) -> Result<Step> {
    let fields = fields.iter().map(|field| row_field(field, builder));
    Ok(Step::Row(fields.collect::<Result<_>>()?))
}

/// A field of a row. A row does not know the types of its fields, and an OID by itself not what it
/// is the name of: so the name goes in.
fn row_field(field: &Expr, builder: &mut Builder) -> Result<Step> {
    let value = step(field, builder)?;
    let named = [Type::REGCLASS, Type::REGTYPE].contains(&field.ty);
    Ok(if named {
        Step::ViaText(Box::new(ViaText { from: field.ty, to: Type::TEXT, arg: value }))
    } else {
        value
    })
}

/// The type of an array's elements.
fn element(ty: Type) -> Option<Oid> {
    ty.element().map(|element| element.oid)
}

fn innermost(ty: Type) -> Result<Oid> {
    element(ty)
        .ok_or_else(|| ExecutionError::Internal { what: "an array of a type without one" }.into())
}
