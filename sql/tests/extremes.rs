//! Every function, cast, aggregate and form of a value at the ends of what its types hold: an answer
//! or an error of its own, never a panic, which would end the session.

#[path = "support/alone.rs"]
mod alone;

use std::panic::{AssertUnwindSafe, catch_unwind};

use alone::{Alone, NOW};
use bytes::BytesMut;
use reckon_sql::expr::function::{self, Body, Call, Function};
use reckon_sql::types::{self, Datum, Family, Formats, Interval, Type};

/// Calls of one function.
const CALLS: usize = 100;
/// Rows of a set that are looked at.
const ROWS: usize = 5;

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "7",
    "64",
    "1000",
    "32767",
    "-32768",
    "2147483647",
    "-2147483648",
    "9223372036854775807",
    "-9223372036854775808",
    "4294967295",
    "0.5",
    "-0.5",
    "-0",
    "1e-300",
    "1e308",
    "-1e308",
    "NaN",
    "Infinity",
    "-Infinity",
    "1e4000",
    "-1e4000",
    "1e-1000",
    "3.402823466e38",
    "99999999999999999999999999999999999999.99999999999999999999",
];

const TEXTS: &[&str] = &[
    "",
    "a",
    "aé€😀",
    "%",
    "_%_",
    "\\",
    "$1",
    "(((",
    "[a-",
    "(a|b)*",
    "a{255}",
    "\\m\\y",
    "***=",
    "g",
    "YYYY-MM-DD HH24:MI:SS.US TZ",
    "J Q WW IW CC RM",
    "S9G999D99PRTH",
    "9.9EEEE",
    "FMRN",
    "V99",
    "999999999999999999999999999999",
    "month",
    "century",
    "epoch",
    "millennium",
    "microseconds",
    "doy",
    "UTC",
    "Europe/Paris",
    "-99:99",
    "hex",
    "base64",
    "escape",
    "utf8",
    "{1,2}",
    "1 month",
    "now",
    "2000-01-01",
    "99999999-99-99",
    "%s %I %L",
    "%2147483647s",
    "%1$*2$s",
    "%-*s",
    "-2147483648",
    "178956970 years 7 mons 2147483647 days",
    "9223372036854775807 us",
    "1e400",
    "\\x00",
    "\\x0",
];

const MOMENTS: &[&str] = &[
    "infinity",
    "-infinity",
    "4714-11-24 00:00:00 BC",
    "4714-11-24 BC",
    "294276-12-31 23:59:59.999999",
    "5874897-12-31",
    "2000-01-01",
    "2024-02-29 23:59:59.999999",
    "0001-01-01 BC",
    "00:00",
    "24:00:00",
    "23:59:59.999999",
    "1970-01-01 00:00:00+15:59",
];

const ARRAYS: &[&str] = &[
    "{}",
    "{1}",
    "{1,NULL}",
    "{{1,2},{3,4}}",
    "[2147483646:2147483646]={1}",
    "[-2147483648:-2147483647]={1,2}",
    "{NULL}",
    "{2147483647,-2147483648,0}",
];

/// Values of a type.
fn extremes(ty: Type, formats: &Formats) -> Vec<Datum> {
    let read = |texts: &[&str]| -> Vec<Datum> {
        texts.iter().filter_map(|text| types::input(text, ty, formats).ok()).collect()
    };
    let mut values = match ty.family() {
        Family::Bool => vec![Datum::Bool(true), Datum::Bool(false)],
        Family::Int2 | Family::Int4 | Family::Int8 | Family::Oid => read(NUMBERS),
        Family::Float4 | Family::Float8 | Family::Numeric => read(NUMBERS),
        Family::Text => {
            let long = ["x", "é", "(", "9"].map(|text| Datum::text(&text.repeat(1000)));
            read(TEXTS).into_iter().chain(long).collect()
        }
        Family::Bytea => read(&["", "\\x00ff", "abc", "\\x80"]),
        Family::Date | Family::Time | Family::Timestamp | Family::Timestamptz => read(MOMENTS),
        Family::Interval => {
            let interval = |months, days, microseconds| {
                Datum::interval(Interval { months, days, microseconds })
            };
            vec![
                interval(i32::MIN, i32::MIN, i64::MIN),
                interval(i32::MAX, i32::MAX, i64::MAX),
                interval(0, 0, 0),
                interval(1, 0, 0),
                interval(0, 1, -1),
                interval(0, 0, 1),
                interval(i32::MIN, 0, 0),
                interval(0, i32::MIN, 0),
                interval(0, 0, i64::MIN),
                interval(0, i32::MAX, i64::MAX),
            ]
        }
        Family::Uuid => vec![Datum::Uuid([0xFF; 16].into())],
        Family::Array => read(ARRAYS),
        _ => Vec::new(),
    };
    values.push(Datum::Null);
    values
}

/// Modifiers that a declaration can give.
fn modifiers(ty: Type) -> Vec<i32> {
    let more = match ty.family() {
        Family::Text => vec![5, 9],
        Family::Numeric => [(1000, -1000), (1000, 1000), (1, 0)]
            .map(|(precision, scale)| types::numeric_modifier_of(precision, scale))
            .to_vec(),
        Family::Time | Family::Timestamp | Family::Timestamptz => vec![0, 6],
        Family::Interval => [Some("month"), Some("day to second"), None]
            .iter()
            .filter_map(|fields| {
                types::interval_modifier_of(*fields, fields.is_none().then_some(0))
            })
            .collect(),
        _ => Vec::new(),
    };
    [-1].into_iter().chain(more).collect()
}

/// A type in place of one that stands for any.
fn concrete(ty: Type, element: Type) -> Type {
    match ty {
        Type::ANY | Type::ANYELEMENT | Type::ANYNONARRAY | Type::ANYCOMPATIBLE => element,
        Type::ANYARRAY | Type::ANYCOMPATIBLEARRAY => element.array().expect("an array type"),
        ty => ty,
    }
}

/// The types to call a function with.
fn argument_types(function: &Function, element: Type) -> Vec<Type> {
    let mut all: Vec<Type> = function.args.iter().map(|ty| concrete(*ty, element)).collect();
    if function.variadic {
        all.extend_from_within(all.len() - 1..);
    }
    all
}

/// Calls, and writes what comes in both forms.
fn call(function: &Function, types: &[Type], args: &[Datum], result: Type, formats: &Formats) {
    let mut environment = Alone { formats: formats.clone() };
    let mut call = Call { args, arg_types: types, result, environment: &mut environment };
    let written = |value: Datum| {
        let mut out = BytesMut::new();
        types::output(&value, result, formats, &mut out);
        types::send(&value, result, &mut out);
    };
    let internal = |error: &reckon_sql::Error| error.sqlstate().as_str() == "XX000";
    let error = match function.body {
        Body::Scalar(body) => body(&mut call).map(written).err(),
        Body::Set(body) => body(&mut call)
            .and_then(|rows| rows.take(ROWS).try_for_each(|row| row.map(written)))
            .err(),
    };
    if let Some(error) = error.filter(internal) {
        panic!("an internal error: {error}");
    }
}

/// What `run` panicked of, said quietly.
fn panicked(run: impl FnOnce()) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(run)).err()?;
    let text = panic.downcast_ref::<String>().cloned();
    Some(
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_default(),
    )
}

/// Numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

fn formats() -> Formats {
    Formats { now: NOW, ..Formats::default() }
}

#[test]
fn functions() {
    let formats = formats();
    let mut wrong = Vec::new();
    let mut numbers = Numbers(1);
    for function in function::all_functions() {
        for element in [Type::INT4, Type::TEXT, Type::NUMERIC] {
            // One that is for no type in particular is called with several.
            let is_any = argument_types(function, element) != argument_types(function, Type::BOOL);
            if element != Type::INT4 && !is_any {
                continue;
            }
            let result = concrete(function.result, element);
            let all = argument_types(function, element);
            for count in all.len() - function.defaults..=all.len() {
                let types = &all[..count];
                let lists: Vec<Vec<Datum>> =
                    types.iter().map(|ty| extremes(*ty, &formats)).collect();
                let total = lists.iter().map(Vec::len).product::<usize>();
                for number in 0..total.min(CALLS) {
                    let mut number = if total > CALLS { numbers.below(total) } else { number };
                    let args: Vec<Datum> = lists
                        .iter()
                        .map(|list| {
                            let value = list[number % list.len()].clone();
                            number /= list.len();
                            value
                        })
                        .collect();
                    if function.strict && args.iter().any(Datum::is_null) {
                        continue;
                    }
                    let failed = panicked(|| call(function, types, &args, result, &formats));
                    if let Some(message) = failed {
                        let args: String = format!("{args:?}").chars().take(300).collect();
                        wrong.push(format!("{function:?} {args}: {message}"));
                        break;
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn aggregates() {
    let formats = formats();
    let mut wrong = Vec::new();
    for aggregate in function::all_aggregates() {
        let types: Vec<Type> = aggregate.args.iter().map(|ty| concrete(*ty, Type::INT4)).collect();
        let lists: Vec<Vec<Datum>> = types.iter().map(|ty| extremes(*ty, &formats)).collect();
        let most = lists.iter().map(Vec::len).max().unwrap_or(1);
        for from in 0..most {
            let failed = panicked(|| {
                let mut state = (aggregate.start)(&types);
                for at in (from..most).chain(0..from) {
                    let args: Vec<Datum> =
                        lists.iter().map(|list| list[at % list.len()].clone()).collect();
                    if args.iter().any(Datum::is_null) || state.add(&args).is_err() {
                        continue;
                    }
                    if let Ok(value) = state.finish() {
                        let _ = types::to_text(&value, value.natural_type(), &formats);
                    }
                }
            });
            if let Some(message) = failed {
                wrong.push(format!("{aggregate:?} from {from}: {message}"));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn forms_of_values() {
    let formats = formats();
    let texts = [NUMBERS, TEXTS, MOMENTS, ARRAYS].concat();
    let mut numbers = Numbers(2);
    let mut wrong = Vec::new();
    for entry in types::catalog::all() {
        for modifier in modifiers(entry.ty()) {
            let ty = entry.ty().with_modifier(modifier);
            for value in extremes(entry.ty(), &formats) {
                let failed = panicked(|| {
                    for explicit in [false, true] {
                        let _ = types::coerce_length(value.clone(), ty, explicit);
                    }
                });
                wrong.extend(failed.map(|message| format!("{ty:?} {value:?}: {message}")));
            }
            for text in &texts {
                let failed = panicked(|| drop(types::input(text, ty, &formats)));
                wrong.extend(failed.map(|message| format!("{ty:?} {text:?}: {message}")));
            }
            for length in 0..24 {
                let bytes: Vec<u8> = (0..length)
                    .map(|_| [0, 0, 0, 1, 2, 4, 0x7F, 0x80, 0xFF][numbers.below(9)])
                    .collect();
                let failed = panicked(|| {
                    if let Ok(value) = types::receive(&bytes, ty) {
                        let _ = types::to_text(&value, ty, &formats);
                    }
                });
                wrong.extend(failed.map(|message| format!("{ty:?} {bytes:?}: {message}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
