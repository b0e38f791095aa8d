//! What a session says about itself, and waiting.

use std::time::Duration;

use super::declare::*;
use super::value::map;
use super::{Call, Function};
use crate::error::{DataError, NameError, Result, SettingError};
use crate::types::{self, Array, Datum, Oid, Type};

/// The release of PostgreSQL whose behaviour this is.
const POSTGRESQL_VERSION: &str = "15.18";

fn version(_: &mut Call<'_>) -> Result<Datum> {
    Ok(Datum::text(&format!(
        "PostgreSQL {POSTGRESQL_VERSION} (Reckon {}) on {}-{}, compiled by rustc, {}-bit",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH,
        std::env::consts::OS,
        usize::BITS
    )))
}

fn current_setting(call: &mut Call<'_>) -> Result<Datum> {
    let name: &str = call.arg(0)?;
    let missing_ok = call.optional(1)?.unwrap_or(false);
    match call.environment.setting(name) {
        Some(value) => Ok(Datum::text(&value)),
        None if missing_ok => Ok(Datum::Null),
        None => Err(SettingError::Unknown { name: name.to_owned() }.into()),
    }
}

/// A NULL value sets the default, a NULL locality is false.
fn set_config(call: &mut Call<'_>) -> Result<Datum> {
    let [Datum::Text(name), value, local] = call.args else {
        return Err(DataError::NullArgument { message: "SET requires parameter name" }.into());
    };
    let value = if value.is_null() { "" } else { call.arg(1)? };
    let local = matches!(local, Datum::Bool(true));
    call.environment.set_setting(name.as_str(), value, local).map(|value| Datum::text(&value))
}

fn sleep(call: &mut Call<'_>) -> Result<Datum> {
    let seconds: f64 = call.arg(0)?;
    // A NaN does not sleep, and an infinity for as long as there is.
    let duration = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX);
    call.environment.sleep(duration)?;
    Ok(Datum::Void)
}

/// `pg_sleep_for(interval)`: a month is thirty days.
fn sleep_for(call: &mut Call<'_>) -> Result<Datum> {
    let Datum::Interval(interval) = &call.args[0] else { return Ok(Datum::Void) };
    let microseconds = u64::try_from(interval.span().max(0)).unwrap_or(u64::MAX);
    call.environment.sleep(Duration::from_micros(microseconds))?;
    Ok(Datum::Void)
}

fn sleep_until(call: &mut Call<'_>) -> Result<Datum> {
    let Datum::Timestamptz(until) = call.args[0] else { return Ok(Datum::Void) };
    let left = until.saturating_sub(call.environment.clock_time()).max(0);
    call.environment.sleep(Duration::from_micros(left.unsigned_abs()))?;
    Ok(Datum::Void)
}

/// The schemas that are searched, without `pg_catalog` where nobody has named it.
fn searched(call: &Call<'_>) -> Vec<String> {
    let mut path = call.environment.search_path();
    if !call.environment.searches_catalog() {
        path.retain(|name| name != "pg_catalog");
    }
    path
}

fn current_schema(call: &mut Call<'_>) -> Result<Datum> {
    Ok(searched(call).first().map_or(Datum::Null, |schema| name(schema)))
}

fn current_schemas(call: &mut Call<'_>) -> Result<Datum> {
    let implicit: bool = call.arg(0)?;
    let path = if implicit { call.environment.search_path() } else { searched(call) };
    let schemas = path.iter().map(|schema| name(schema)).collect();
    Ok(Datum::array(Array::flat(Type::NAME.oid, schemas)))
}

fn name(text: &str) -> Datum {
    Datum::text(types::clip_name(text))
}

/// `regclass(text)`
fn regclass(call: &mut Call<'_>) -> Result<Datum> {
    let text: &str = call.arg(0)?;
    if let Ok(oid) = text.parse::<u32>() {
        return Ok(Datum::Oid(Oid(oid)));
    }
    if text == "-" {
        return Ok(Datum::Oid(Oid(0)));
    }
    let found = call.environment.relation_oid(text)?;
    Ok(Datum::Oid(found.ok_or_else(|| NameError::UndefinedTable { name: text.to_owned() })?))
}

fn to_regclass(call: &mut Call<'_>) -> Result<Datum> {
    let found = call.environment.relation_oid(call.arg(0)?)?;
    Ok(found.map_or(Datum::Null, Datum::Oid))
}

fn regclass_text(call: &mut Call<'_>) -> Result<Datum> {
    let oid: Oid = call.arg(0)?;
    Ok(match call.environment.relation_name(oid)? {
        _ if oid.0 == 0 => Datum::text("-"),
        Some(name) => Datum::text(&name),
        None => Datum::text(&oid.to_string()),
    })
}

fn to_regtype(call: &mut Call<'_>) -> Result<Datum> {
    Ok(types::type_named(call.arg(0)?).map_or(Datum::Null, |ty| Datum::Oid(ty.oid)))
}

/// Called with NULLs: the type of the expression, not of the value.
fn type_of(call: &mut Call<'_>) -> Result<Datum> {
    Ok(Datum::Oid(call.arg_types.first().map_or(Type::UNKNOWN.oid, |ty| ty.oid)))
}

/// Called with NULLs: without a modifier the name is another one.
fn format_type(call: &mut Call<'_>) -> Result<Datum> {
    let [Datum::Oid(oid), modifier] = call.args else { return Ok(Datum::Null) };
    if oid.0 == 0 {
        return Ok(Datum::text("-"));
    }
    let modifier = match modifier {
        Datum::Int4(modifier) => Some(*modifier),
        _ => None,
    };
    Ok(Datum::text(&types::format_type(*oid, modifier)))
}

/// Whether the relation's name alone finds it.
fn table_is_visible(call: &mut Call<'_>) -> Result<Datum> {
    let oid: Oid = call.arg(0)?;
    let Some(name) = call.environment.relation_name(oid)? else { return Ok(Datum::Null) };
    Ok(Datum::Bool(types::split_identifiers(&name)?.len() == 1))
}

fn encoding_name(call: &mut Call<'_>) -> Result<Datum> {
    const UTF8: i32 = 6;
    let number: i32 = call.arg(0)?;
    Ok(name(if number == UTF8 { "UTF8" } else { "" }))
}

pub(super) static FUNCTIONS: &[Function] = &[
    stable(89, "version", &[], TEXT, version),
    stable(2026, "pg_backend_pid", &[], INT4, |call| {
        Ok(Datum::Int4(call.environment.backend_pid()))
    }),
    stable(745, "current_user", &[], NAME, |call| Ok(name(call.environment.current_user()))),
    stable(746, "session_user", &[], NAME, |call| Ok(name(call.environment.session_user()))),
    stable(710, "getpgusername", &[], NAME, |call| Ok(name(call.environment.current_user()))),
    stable(1402, "current_schema", &[], NAME, current_schema),
    stable(1403, "current_schemas", &[BOOL], NAME_ARRAY, current_schemas),
    stable(861, "current_database", &[], NAME, |call| Ok(name(call.environment.database()))),
    stable(2077, "current_setting", &[TEXT], TEXT, current_setting),
    stable(3294, "current_setting", &[TEXT, BOOL], TEXT, current_setting),
    volatile(2078, "set_config", &[TEXT, TEXT, BOOL], TEXT, set_config).takes_nulls(),
    volatile(2626, "pg_sleep", &[FLOAT8], VOID, sleep),
    volatile(3935, "pg_sleep_for", &[INTERVAL], VOID, sleep_for),
    volatile(3936, "pg_sleep_until", &[TIMESTAMPTZ], VOID, sleep_until),
    stable(1619, "pg_typeof", &[ANY], REGTYPE, type_of).takes_nulls(),
    stable(1081, "format_type", &[OID, INT4], TEXT, format_type).takes_nulls(),
    stable(1079, "regclass", &[TEXT], REGCLASS, regclass),
    stable(2218, "regclassin", &[CSTRING], REGCLASS, regclass),
    stable(2219, "regclassout", &[REGCLASS], CSTRING, regclass_text),
    stable(3495, "to_regclass", &[TEXT], REGCLASS, to_regclass),
    stable(3493, "to_regtype", &[TEXT], REGTYPE, to_regtype),
    stable(2079, "pg_table_is_visible", &[OID], BOOL, table_is_visible),
    stable(2080, "pg_type_is_visible", &[OID], BOOL, |call| {
        map(call, |oid: Oid| types::catalog::by_oid(oid).map(|_| true))
    }),
    volatile(3810, "pg_is_in_recovery", &[], BOOL, |_| Ok(Datum::Bool(false))),
    stable(1597, "pg_encoding_to_char", &[INT4], NAME, encoding_name),
    stable(1039, "getdatabaseencoding", &[], NAME, |_| Ok(name("UTF8"))),
    stable(810, "pg_client_encoding", &[], NAME, |_| Ok(name("UTF8"))),
];
