//! Values in binary format: what Reckon sends is what PostgreSQL sends, and each reads its own back.

#![forbid(unsafe_code)]

use bytes::BytesMut;
use reckon_tests::{Postgres, Reckon, Session};
use reckon_wire::client::{self, Message};
use reckon_wire::codec::Format::{self, Binary, Text};

/// Types, and values of each as literals.
const VALUES: &[(&str, &[&str])] = &[
    ("bool", &["true", "false"]),
    ("int2", &["0", "-32768", "32767"]),
    ("int4", &["0", "-2147483648", "2147483647"]),
    ("int8", &["0", "-9223372036854775808", "9223372036854775807"]),
    ("float4", &["0", "1.5", "-3.4e38", "nan", "-inf"]),
    ("float8", &["0", "-0", "0.1", "1e300", "nan", "inf"]),
    ("numeric", &["0", "0.00", "-1", "10000", "12345678901234567890.0123456789", "1e-20", "nan"]),
    ("numeric", &["-inf", "99999999", "0.0001", "123e100"]),
    ("text", &["", "abc", "ä€😀"]),
    ("varchar", &["", "abc"]),
    ("char(5)", &["", "abc"]),
    ("name", &["", "abc"]),
    ("timestamp", &["2000-01-01", "1999-12-31 23:59:59.999999", "infinity", "0044-03-15 BC"]),
    ("timestamptz", &["2024-02-29 12:00:00+02", "-infinity", "294276-12-31 00:00:00+00"]),
    ("date", &["2000-01-01", "1970-01-01", "infinity", "4713-01-01 BC"]),
    ("time", &["00:00", "24:00", "12:34:56.789"]),
    ("interval", &["0", "1 year 2 mons -3 days 04:05:06.7", "-178000000 years"]),
    ("bytea", &["\\x", "\\x00ff10"]),
    ("uuid", &["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
    ("oid", &["0", "4294967295"]),
    ("int4[]", &["{}", "{1,2,3}", "{1,null}", "{{1,2},{3,4}}", "[2:3]={5,6}"]),
];

/// The one value of a statement with one parameter, or the SQLSTATE of its error.
fn exchange(
    session: &mut Session,
    sql: &str,
    format: Format,
    given: &[u8],
    wanted: Format,
) -> Vec<u8> {
    let mut out = BytesMut::new();
    client::parse(&mut out, "", sql, &[]);
    client::bind(&mut out, "", "", &[format], &[Some(given)], &[wanted]);
    client::execute(&mut out, "", 0);
    client::sync(&mut out);
    session.write(&out).expect("send");
    let mut value = b"no row".to_vec();
    loop {
        let (tag, body) = session.read().expect("an answer");
        match client::decode(tag, &body).expect("a message") {
            Message::DataRow(row) => {
                value = row.iter().next().flatten().expect("a value").to_vec();
            }
            Message::ErrorResponse(fields) => value = fields.sqlstate().as_bytes().to_vec(),
            Message::ReadyForQuery(_) => return value,
            _ => {}
        }
    }
}

#[test]
fn values_travel_in_postgresqls_binary_format() {
    let (postgres, reckon) = (Postgres::start(), Reckon::start());
    let mut theirs = Session::connect(postgres.address(), "postgres");
    let mut ours = reckon.connect();
    for (ty, values) in VALUES {
        let sql = format!("select $1::{ty}");
        for value in *values {
            let sent = exchange(&mut theirs, &sql, Text, value.as_bytes(), Binary);
            assert_eq!(
                exchange(&mut ours, &sql, Text, value.as_bytes(), Binary),
                sent,
                "{ty} {value}"
            );
            let shown = exchange(&mut theirs, &sql, Binary, &sent, Text);
            assert_eq!(exchange(&mut ours, &sql, Binary, &sent, Text), shown, "{ty} {value} read");
        }
    }
}

#[test]
fn broken_values_are_refused_as_postgresql_refuses_them() {
    let (postgres, reckon) = (Postgres::start(), Reckon::start());
    let mut theirs = Session::connect(postgres.address(), "postgres");
    let mut ours = reckon.connect();
    for (ty, _) in VALUES {
        let sql = format!("select $1::{ty}");
        for given in
            [&b""[..], b"\x01", b"\xff\xff\xff", b"\0\0\0\x01\0\0\0\x05\0\0\0\x17", &[0xFF; 40]]
        {
            let expected = exchange(&mut theirs, &sql, Binary, given, Text);
            let found = exchange(&mut ours, &sql, Binary, given, Text);
            assert_eq!(
                String::from_utf8_lossy(&found),
                String::from_utf8_lossy(&expected),
                "{ty} {given:?}"
            );
        }
    }
}
