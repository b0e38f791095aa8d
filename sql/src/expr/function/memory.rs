//! What memory holds, and whether its models are used: functions for superusers.

use super::declare::{BOOL, REGCLASS, TEXT, set, volatile};
use super::{Call, Function, Rows};
use crate::error::{NameError, Result, StatementError};
use crate::types::{Datum, Oid};

/// Keys are data, and models are everybody's.
fn for_superusers(call: &Call<'_>, function: &'static str) -> Result<()> {
    if call.environment.is_superuser() {
        return Ok(());
    }
    Err(StatementError::FunctionDenied { function }.into())
}

/// `reckon_index_outline(regclass)`: a line for each node and leaf of the relation's tree.
fn outline(call: &mut Call<'_>) -> Result<Rows> {
    for_superusers(call, "reckon_index_outline")?;
    let Datum::Oid(Oid(oid)) = call.args[0] else { return Ok(Box::new(std::iter::empty())) };
    let text = call.environment.index_outline(Oid(oid));
    let text = text.ok_or_else(|| NameError::UndefinedTable { name: oid.to_string() })?;
    let lines: Vec<Datum> = text.lines().map(Datum::text).collect();
    Ok(Box::new(lines.into_iter().map(Ok)))
}

/// `reckon_use_models(boolean)`: whether they were used before.
fn use_models(call: &mut Call<'_>) -> Result<Datum> {
    for_superusers(call, "reckon_use_models")?;
    let on: bool = call.arg(0)?;
    Ok(Datum::Bool(call.environment.use_models(on)))
}

pub(super) static FUNCTIONS: &[Function] = &[
    set(4_000_000_100, "reckon_index_outline", &[REGCLASS], TEXT, outline).varies_by_statement(),
    volatile(4_000_000_101, "reckon_use_models", &[BOOL], BOOL, use_models),
];
