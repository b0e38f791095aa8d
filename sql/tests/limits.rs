//! No value is longer than a gigabyte, and nothing longer is put together on the way to one.

mod support;

use reckon_sql::{Database, Options};

fn answers() -> impl FnMut(&str) -> String {
    let database = Database::open_in_memory(Options::default()).expect("a database");
    let mut session = support::session(&database);
    move |sql| {
        let answer = support::script(&mut session, sql, |_, _| {});
        session.fail();
        session.sync().expect("it goes on");
        answer.map_or_else(|e| format!("{} {e}", e.sqlstate()), |rows| rows.join("/"))
    }
}

#[test]
fn texts_and_arrays_have_a_gigabyte_at_most() {
    let mut answer = answers();
    let long = "repeat('x', 60000000)";
    let longest = "repeat('x', 600000000)";
    let grown = "54000 out of memory";
    let array = "54000 array size exceeds the maximum allowed (1073741823)";
    let encoded = "54000 result of encoding conversion is too large";
    let memory = "54000 invalid memory alloc request size 1200000000";
    for (call, expected) in [
        (format!("length({longest} || {longest})"), memory),
        (format!("length(encode(convert_to({longest}, 'utf8'), 'hex'))"), encoded),
        (format!("length(regexp_replace(repeat('a', 20), 'a', {long}, 'g'))"), grown),
        (format!("length(replace(repeat('a', 20), 'a', {long}))"), grown),
        (format!("length(array_to_string(array_fill({long}, array[10]), {long}))"), grown),
        (format!("length(concat({long}, array_fill({long}, array[17])))"), grown),
        (format!("length(format(repeat('%1$s', 20), {long}))"), grown),
        ("(repeat('9', 10000000)::numeric)".to_owned(), "22003 value overflows numeric format"),
        (format!("cardinality(array_fill({long}, array[20]))"), array),
        (format!("cardinality(array_append(array_fill({long}, array[17]), {long}))"), array),
        (
            format!("cardinality(array_replace(array_fill('a'::text, array[20]), 'a', {long}))"),
            array,
        ),
    ] {
        assert_eq!(answer(&format!("select {call}")), expected, "{call}");
    }
}

#[test]
fn rows_in_rows_are_counted_wherever_they_stand() {
    let mut answer = answers();
    let mut rows = "select row(repeat('x', 1000000)) r".to_owned();
    for _ in 0..12 {
        rows = format!("select row(r, r) r from ({rows}) s");
    }
    assert_eq!(answer(&rows), "54000 tuple is too big");
}

#[test]
fn subscripts_end_where_integers_do() {
    let mut answer = answers();
    let too_large = "54000 array lower bound is too large: 2147483646";
    assert_eq!(answer("select '[2147483646:2147483647]={1,2}'::int[]"), too_large);
    assert_eq!(answer("select array_fill(1, array[2], array[2147483646])"), too_large);
    let last = "'[2147483646:2147483646]={1}'::int[]";
    assert_eq!(answer(&format!("select array_upper({last}, 1)")), "2147483646");
    assert_eq!(answer(&format!("select {last} || 2")), too_large);
}
