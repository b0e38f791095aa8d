//! Which of several functions or operators is meant: PostgreSQL's resolution by types.
//!
//! 1. The candidates that take the arguments, if need be with implicit casts, remain.
//! 2. Those with the most arguments of exactly the declared type remain.
//! 3. Those with the most arguments of exactly the declared or a preferred type remain.
//! 4. Literals not yet typed take the category that the candidates agree on, or string.
//! 5. At last they take the type that all other arguments have.

use super::call::polymorphic;
use super::coerce::{
    bare, can_coerce, category, is_polymorphic, is_polymorphic_array, is_preferred,
};
use crate::expr::function::CastContext;
use crate::types::Type;

/// The outcome of a selection among candidates.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Selection {
    /// None takes the arguments.
    None,
    /// This one, by its index.
    One(usize),
    /// Several would do.
    Many,
}

/// Selects among the declared argument types of candidates.
pub(super) fn select(candidates: &[Vec<Type>], arguments: &[Type]) -> Selection {
    let arguments: Vec<Type> = arguments.iter().map(|ty| bare(*ty)).collect();
    let takes = |declared: &Vec<Type>| {
        declared.len() == arguments.len()
            && arguments
                .iter()
                .zip(declared)
                .all(|(a, d)| can_coerce(*a, *d, CastContext::Implicit))
            && arrays_agree(declared, &arguments)
    };
    let mut left: Vec<usize> = (0..candidates.len()).filter(|n| takes(&candidates[*n])).collect();
    if left.len() > 1 {
        left = best(&left, |n| matches(&candidates[n], &arguments, false));
    }
    if left.len() > 1 {
        left = best(&left, |n| matches(&candidates[n], &arguments, true));
    }
    if left.len() > 1 && arguments.contains(&Type::UNKNOWN) {
        if let Some(narrowed) = by_category(&left, candidates, &arguments) {
            left = narrowed;
        }
        if left.len() > 1 {
            left = by_known_type(left, candidates, &arguments);
        }
    }
    match left.as_slice() {
        [] => Selection::None,
        [one] => Selection::One(*one),
        _ => Selection::Many,
    }
}

/// Polymorphic arguments that all must have one type do.
fn arrays_agree(declared: &[Type], arguments: &[Type]) -> bool {
    polymorphic(declared, arguments).is_ok()
}

fn best(left: &[usize], score: impl Fn(usize) -> usize) -> Vec<usize> {
    let most = left.iter().map(|n| score(*n)).max().unwrap_or(0);
    left.iter().copied().filter(|n| score(*n) == most).collect()
}

/// How many arguments have exactly the declared type, or with `preferred` one that is preferred.
fn matches(declared: &[Type], arguments: &[Type], preferred: bool) -> usize {
    let fits = |(argument, declared): &(&Type, &Type)| {
        **argument != Type::UNKNOWN
            && (argument == declared
                || preferred
                    && category(**declared) == category(**argument)
                    && is_preferred(**declared))
    };
    arguments.iter().zip(declared).filter(fits).count()
}

/// Candidates whose types for the untyped literals are of the category chosen for each of them.
fn by_category(left: &[usize], candidates: &[Vec<Type>], arguments: &[Type]) -> Option<Vec<usize>> {
    let mut slots = Vec::new();
    for (at, _) in arguments.iter().enumerate().filter(|(_, ty)| **ty == Type::UNKNOWN) {
        let declared = || left.iter().map(|n| candidates[*n][at]);
        let first = category(declared().next()?);
        let chosen = if declared().any(|ty| category(ty) == 'S') {
            'S'
        } else if declared().all(|ty| category(ty) == first) {
            first
        } else {
            return None;
        };
        let preferred = declared().any(|ty| category(ty) == chosen && is_preferred(ty));
        slots.push((at, chosen, preferred));
    }
    let keeps = |n: &&usize| {
        slots.iter().all(|(at, chosen, preferred)| {
            let ty = candidates[**n][*at];
            category(ty) == *chosen && (!preferred || is_preferred(ty))
        })
    };
    let narrowed: Vec<usize> = left.iter().filter(keeps).copied().collect();
    (!narrowed.is_empty()).then_some(narrowed)
}

/// The one candidate that takes the untyped literals as the type all other arguments have.
fn by_known_type(left: Vec<usize>, candidates: &[Vec<Type>], arguments: &[Type]) -> Vec<usize> {
    let mut known = arguments.iter().filter(|ty| **ty != Type::UNKNOWN);
    let Some(first) = known.next() else { return left };
    if known.any(|ty| ty != first) {
        return left;
    }
    let alike = vec![*first; arguments.len()];
    let takes = |n: &&usize| {
        let declared = &candidates[**n];
        let array = declared.iter().any(|ty| is_polymorphic_array(*ty));
        declared.iter().all(|d| {
            can_coerce(*first, *d, CastContext::Implicit)
                && (d == first || array || !is_polymorphic(*d))
        }) && (!array || polymorphic(declared, &alike).is_ok())
    };
    let exact: Vec<usize> = left.iter().filter(takes).copied().collect();
    if exact.len() == 1 { exact } else { left }
}
