//! Functions against PostgreSQL's own answers, and the tables against each other.
//!
//! A line of `functions/*.txt` is a call and what PostgreSQL 15 answered, separated by tabs:
//!
//! ```text
//! name   type 'value'   type NULL   =>   answer
//! name   type 'value'               =>   ! SQLSTATE message
//! io     type 'value'               =>   the value written again
//! @ setting value
//! ```

#[path = "support/alone.rs"]
mod alone;

use std::collections::HashMap;

use alone::{Alone, NOW};
use reckon_sql::error::Result;
use reckon_sql::expr::function::{self, Body, Call, CastMethod, Function};
use reckon_sql::types::{self, Datum, Formats, Oid, Type};

fn is_polymorphic(ty: Type) -> bool {
    [Type::ANY, Type::ANYELEMENT, Type::ANYARRAY, Type::ANYNONARRAY].contains(&ty)
        || [Type::ANYCOMPATIBLE, Type::ANYCOMPATIBLEARRAY].contains(&ty)
}

/// Whether a call with these types is this function's.
fn fits(function: &Function, types: &[Type]) -> bool {
    let fits = |(declared, given): (&Type, &Type)| is_polymorphic(*declared) || declared == given;
    let count = function.args.len();
    if function.variadic {
        return types.len() >= count && function.args[..count - 1].iter().zip(types).all(fits);
    }
    types.len() <= count
        && types.len() + function.defaults >= count
        && function.args.iter().zip(types).all(fits)
}

/// The type of a polymorphic result.
fn result_type(function: &Function, types: &[Type]) -> Type {
    let given = |wanted: &[Type]| {
        function.args.iter().zip(types).find(|(arg, _)| wanted.contains(arg)).map(|(_, ty)| *ty)
    };
    let arrays = [Type::ANYARRAY, Type::ANYCOMPATIBLEARRAY];
    let elements = [Type::ANYELEMENT, Type::ANYCOMPATIBLE, Type::ANYNONARRAY];
    let element = given(&elements).or_else(|| given(&arrays).and_then(Type::element));
    let array = given(&arrays).or_else(|| given(&elements).and_then(Type::array));
    match function.result {
        ty if arrays.contains(&ty) => array.unwrap_or(ty),
        ty if elements.contains(&ty) => element.unwrap_or(ty),
        ty => ty,
    }
}

fn evaluate(name: &str, types: &[Type], args: &[Datum], formats: &Formats) -> Result<String> {
    if name == "io" {
        return Ok(types::to_text(&args[0], types[0], formats));
    }
    let exact = |f: &&&Function| f.args == types;
    let all = function::named(name);
    let function = all
        .iter()
        .find(exact)
        .or_else(|| all.iter().find(|f| fits(f, types)))
        .unwrap_or_else(|| panic!("no function {name}({types:?})"));
    if function.strict && args.iter().any(Datum::is_null) {
        return Ok("<null>".to_owned());
    }
    let mut environment = Alone { formats: formats.clone() };
    let result = result_type(function, types);
    let mut call = Call { args, arg_types: types, result, environment: &mut environment };
    let show = |value: &Datum| match value {
        Datum::Null => "<null>".to_owned(),
        value => types::to_text(value, result, formats),
    };
    match function.body {
        Body::Scalar(body) => body(&mut call).map(|value| show(&value)),
        Body::Set(body) => {
            let rows: Vec<String> =
                body(&mut call)?.map(|row| row.map(|value| show(&value))).collect::<Result<_>>()?;
            Ok(rows.join(" | "))
        }
    }
}

/// A type with its modifier.
fn type_of(name: &str) -> Option<Type> {
    let numbers: Vec<i32> = match (name.find('('), name.find(')')) {
        (Some(open), Some(close)) => {
            name[open + 1..close].split(',').map(|n| n.parse().expect("a number")).collect()
        }
        _ => Vec::new(),
    };
    if let Some(fields) = name.strip_prefix("interval") {
        let fields = fields.split('(').next().map(str::trim).filter(|fields| !fields.is_empty());
        let plain = fields.is_none() && numbers.is_empty();
        let modifier = types::interval_modifier_of(fields, numbers.first().copied())?;
        return Some(Type::INTERVAL.with_modifier(if plain { -1 } else { modifier }));
    }
    let ty = types::type_named(name)?;
    Some(match (ty, numbers.as_slice()) {
        (_, []) => ty,
        (Type::NUMERIC | Type::NUMERIC_ARRAY, [precision, rest @ ..]) => {
            let scale = rest.first().copied().unwrap_or(0);
            ty.with_modifier(types::numeric_modifier_of(*precision, scale))
        }
        (Type::VARCHAR | Type::BPCHAR, [length, ..]) => ty.with_modifier(length + 4),
        (_, [precision, ..]) => ty.with_modifier(*precision),
    })
}

/// `type 'value'` or `type NULL`.
fn argument(text: &str, formats: &Formats) -> Result<(Type, Datum)> {
    let (name, value) = text
        .split_once(" '")
        .map(|(name, value)| (name, Some(value.strip_suffix('\'').expect("a closing quote"))))
        .unwrap_or_else(|| (text.strip_suffix(" NULL").expect("a value"), None));
    let ty = type_of(name).unwrap_or_else(|| panic!("type {name}"));
    let value = value.map_or(Ok(Datum::Null), |value| types::input(value, ty, formats))?;
    Ok((ty, value))
}

fn result(call: &str, formats: &Formats) -> Result<String> {
    let mut fields = call.split('\t');
    let name = fields.next().expect("a name");
    let args = fields.map(|field| argument(field, formats)).collect::<Result<Vec<_>>>()?;
    let (types, values): (Vec<Type>, Vec<Datum>) = args.into_iter().unzip();
    evaluate(name, &types, &values, formats)
}

fn answer(call: &str, formats: &Formats) -> String {
    result(call, formats).unwrap_or_else(|error| format!("! {} {error}", error.sqlstate()))
}

/// Sets what a line `@ name value` says.
fn set(formats: &mut Formats, line: &str) {
    use reckon_sql::types::{DateOrder, DateStyle, IntervalStyle};
    let (name, value) = line.split_once(' ').expect("a name and a value");
    match (name, value) {
        ("timezone", zone) => {
            formats.time_zone = jiff::tz::TimeZone::get(zone).expect("a known zone");
        }
        ("extra_float_digits", digits) => {
            formats.extra_float_digits = digits.parse().expect("a number");
        }
        ("datestyle", style) => {
            let (style, order) = style.split_once(", ").expect("two halves");
            formats.date_style = match style {
                "ISO" => DateStyle::Iso,
                "SQL" => DateStyle::Sql,
                "German" => DateStyle::German,
                _ => DateStyle::Postgres,
            };
            formats.date_order = match order {
                "DMY" => DateOrder::Dmy,
                "YMD" => DateOrder::Ymd,
                _ => DateOrder::Mdy,
            };
        }
        ("intervalstyle", style) => {
            formats.interval_style = match style {
                "postgres_verbose" => IntervalStyle::PostgresVerbose,
                "sql_standard" => IntervalStyle::SqlStandard,
                "iso_8601" => IntervalStyle::Iso8601,
                _ => IntervalStyle::Postgres,
            };
        }
        _ => panic!("setting {name}"),
    }
}

fn check(file: &str, text: &str) {
    let mut formats = Formats { now: NOW, ..Formats::default() };
    let mut wrong = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(setting) = line.strip_prefix("@ ") {
            set(&mut formats, setting);
            continue;
        }
        let (call, expected) = line.split_once("\t=>\t").expect("an answer");
        let found = answer(call, &formats);
        if found != expected {
            wrong.push(format!("{}\n   PostgreSQL {expected}\n   Reckon     {found}", call));
        }
    }
    assert!(wrong.is_empty(), "{file}: {} wrong\n{}", wrong.len(), wrong.join("\n"));
}

macro_rules! answers {
    ($($test:ident = $file:literal;)*) => {$(
        #[test]
        fn $test() {
            check($file, include_str!(concat!("functions/", $file)));
        }
    )*};
}

answers! {
    moments_answer_as_in_postgresql = "moments.txt";
    numbers_answer_as_in_postgresql = "numbers.txt";
    arrays_answer_as_in_postgresql = "arrays.txt";
    datetimes_read_and_write_as_in_postgresql = "datetimes.txt";
    pictures_answer_as_in_postgresql = "pictures.txt";
    texts_answer_as_in_postgresql = "texts.txt";
}

#[test]
fn errors_say_more_as_in_postgresql() {
    let formats = Formats::default();
    let width = Some("If your source string is not fixed-width, try using the \"FM\" modifier.");
    for (call, detail, hint) in [
        (
            "to_date\ttext '24-01'\ttext 'YYYYMM'",
            "Field requires 4 characters, but only 2 could be parsed.",
            width,
        ),
        (
            "to_date\ttext '24'\ttext 'YYYYMM'",
            "Field requires 4 characters, but only 2 remain.",
            width,
        ),
        ("to_date\ttext 'x'\ttext 'YYYY'", "Value must be an integer.", None),
        (
            "to_char\tint4 '1'\ttext 'S9EEEE'",
            "\"EEEE\" may only be used together with digit and decimal point patterns.",
            None,
        ),
        (
            "array_cat\tint4[] '{{1,2}}'\tint4[] '{{3}}'",
            "Arrays with differing element dimensions are not compatible for concatenation.",
            None,
        ),
        (
            "array_cat\tint4[] '{{1,2}}'\tint4[] '{3}'",
            "Arrays with differing dimensions are not compatible for concatenation.",
            None,
        ),
        (
            "array_cat\tint4[] '{{{1}}}'\tint4[] '{3}'",
            "Arrays of 3 and 1 dimensions are not compatible for concatenation.",
            None,
        ),
    ] {
        let fields = result(call, &formats).expect_err(call).fields();
        assert_eq!(fields.detail.as_deref(), Some(detail), "{call}");
        assert_eq!(fields.hint.as_deref(), hint, "{call}");
    }
}

#[test]
fn oids_and_signatures_are_unique() {
    let mut seen = HashMap::new();
    for function in function::all_functions() {
        let before = seen.insert((function.name, function.args), function.oid);
        assert_eq!(before, None, "{}", function.name);
    }
    let functions = function::all_functions().iter().map(|f| f.oid);
    let mut oids: Vec<Oid> =
        functions.chain(function::all_aggregates().iter().map(|a| a.oid)).collect();
    let count = oids.len();
    oids.sort();
    oids.dedup();
    assert_eq!(oids.len(), count);
}

#[test]
fn operators_and_casts_are_functions_of_their_types() {
    for operator in function::all_operators() {
        let function = function::function(operator.function)
            .unwrap_or_else(|| panic!("operator {} {}", operator.oid, operator.name));
        let sides: Vec<Type> = operator.left.into_iter().chain([operator.right]).collect();
        assert_eq!(function.args, sides, "operator {}", operator.oid);
        assert_eq!(function.result, operator.result, "operator {}", operator.oid);
        for other in operator.commutator.into_iter().chain(operator.negator) {
            assert!(function::operator(other).is_some(), "operator {} to {other}", operator.oid);
        }
    }
    for cast in function::casts() {
        if let CastMethod::Function(oid) = cast.method {
            assert!(function::function(oid).is_some(), "{:?} to {:?}", cast.source, cast.target);
        }
    }
}

#[test]
fn types_that_can_be_keys_compare() {
    for entry in types::catalog::all() {
        let ty = entry.ty();
        if reckon_sql::key::is_supported(ty) && entry.kind == 'b' && ty.element().is_none() {
            let known = function::comparison(ty).is_some();
            let without =
                ["xid", "cid", "pg_node_tree", "aclitem", "regoper", "regoperator", "regcollation"];
            assert!(known || without.contains(&entry.name), "{}", entry.name);
        }
    }
}
