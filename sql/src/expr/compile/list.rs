//! `value op ANY/ALL` over a list or an array.

use super::comparator::Comparator;
use super::step::Step;
use crate::error::Result;
use crate::exec::{Context, RowSet};
use crate::expr::Quantifier;
use crate::types::Datum;

/// From this many constants on, membership is looked up instead of searched for.
const HASHED_FROM: usize = 9;

/// `arg op ANY/ALL (list)`.
pub(super) struct InList {
    pub(super) comparator: Comparator,
    pub(super) quantifier: Quantifier,
    pub(super) arg: Step,
    pub(super) list: Members,
}

/// The elements of a list.
pub(super) enum Members {
    /// Computed and compared one by one.
    Steps(Vec<Step>),
    /// Constants, of which equal ones are looked up.
    Constants(Membership),
}

/// `arg op ANY/ALL (array)`.
pub(super) struct InArray {
    pub(super) comparator: Comparator,
    pub(super) quantifier: Quantifier,
    pub(super) arg: Step,
    pub(super) array: Step,
}

/// Values of which one asks whether another is among them.
pub(super) struct Membership {
    values: RowSet,
    null: bool,
}

impl Membership {
    pub(super) fn new() -> Membership {
        Membership { values: RowSet::new(1), null: false }
    }

    pub(super) fn add(&mut self, value: &Datum) {
        if value.is_null() {
            self.null = true;
        } else {
            self.values.insert(std::slice::from_ref(value));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.len() == 0 && !self.null
    }

    pub(super) fn memory(&self) -> usize {
        self.values.memory()
    }

    /// `value = ANY (values)`, or for ALL `value <> ALL (values)`.
    pub(super) fn truth(&self, value: &Datum, quantifier: Quantifier) -> Option<bool> {
        if self.is_empty() {
            return Some(quantifier == Quantifier::All);
        }
        if value.is_null() {
            return None;
        }
        if self.values.find(std::slice::from_ref(value)).is_some() {
            return Some(quantifier == Quantifier::Any);
        }
        if self.null { None } else { Some(quantifier == Quantifier::All) }
    }
}

/// Whether `comparator` under `quantifier` is a question of membership.
pub(super) fn is_membership(comparator: &Comparator, quantifier: Quantifier) -> bool {
    comparator.hashable() == Some(quantifier == Quantifier::Any)
}

/// The elements, made ready for the way they are compared.
pub(super) fn members(list: Vec<Step>, comparator: &Comparator, quantifier: Quantifier) -> Members {
    let constant = |step: &Step| matches!(step, Step::Constant(_));
    if list.len() < HASHED_FROM
        || !is_membership(comparator, quantifier)
        || !list.iter().all(constant)
    {
        return Members::Steps(list);
    }
    let mut membership = Membership::new();
    for step in &list {
        if let Step::Constant(value) = step {
            membership.add(value);
        }
    }
    Members::Constants(membership)
}

impl InList {
    pub(super) fn truth(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<Option<bool>> {
        let value = self.arg.eval(row, cx)?;
        let steps = match &mut self.list {
            Members::Constants(membership) => return Ok(membership.truth(&value, self.quantifier)),
            Members::Steps(steps) => steps,
        };
        let mut tally = Tally::new(self.quantifier);
        for step in steps {
            let outcome = match step.peek(row, cx) {
                Some(element) => {
                    let element = element.clone();
                    self.comparator.apply(&value, &element, cx)?
                }
                None => {
                    let element = step.eval(row, cx)?;
                    self.comparator.apply(&value, &element, cx)?
                }
            };
            if tally.decided_by(outcome) {
                break;
            }
        }
        Ok(tally.result())
    }
}

impl InArray {
    pub(super) fn truth(&mut self, row: &[Datum], cx: &mut Context<'_>) -> Result<Option<bool>> {
        let value = self.arg.eval(row, cx)?;
        let Datum::Array(array) = self.array.eval(row, cx)? else { return Ok(None) };
        let mut tally = Tally::new(self.quantifier);
        for element in &array.elements {
            if tally.decided_by(self.comparator.apply(&value, element, cx)?) {
                break;
            }
        }
        Ok(tally.result())
    }
}

/// ANY and ALL over comparisons made one after another.
pub(super) struct Tally {
    decisive: bool,
    decided: bool,
    unknown: bool,
}

impl Tally {
    pub(super) fn new(quantifier: Quantifier) -> Tally {
        Tally { decisive: quantifier == Quantifier::Any, decided: false, unknown: false }
    }

    /// Takes one comparison; true when no other can change the result.
    pub(super) fn decided_by(&mut self, outcome: Option<bool>) -> bool {
        match outcome {
            Some(value) => self.decided |= value == self.decisive,
            None => self.unknown = true,
        }
        self.decided
    }

    pub(super) fn result(&self) -> Option<bool> {
        if self.decided {
            Some(self.decisive)
        } else if self.unknown {
            None
        } else {
            Some(!self.decisive)
        }
    }
}
