//! What one side encodes the other decodes.

use bytes::BytesMut;
use reckon_wire::backend::{self, Field, Report, Severity, TransactionStatus};
use reckon_wire::client::{self, Authentication};
use reckon_wire::codec::{Frame, HEADER_LENGTH};
use reckon_wire::frontend::{self, Limits, Message, Target};
use reckon_wire::startup::{self, Startup};
use reckon_wire::{Error, Format};

fn received(input: &[u8]) -> Message<'_> {
    match frontend::frame(input, Limits::AUTHENTICATED) {
        Ok(Frame::Complete { tag, body }) => {
            assert_eq!(body.len() + HEADER_LENGTH, input.len());
            frontend::decode(tag, body).expect("a message")
        }
        other => panic!("{other:?}"),
    }
}

fn sent(write: impl FnOnce(&mut BytesMut)) -> BytesMut {
    let mut out = BytesMut::new();
    write(&mut out);
    out
}

fn answers(input: &[u8]) -> Vec<client::Message<'_>> {
    let mut rest = input;
    let mut messages = Vec::new();
    while !rest.is_empty() {
        let Ok(Frame::Complete { tag, body }) = client::frame(rest) else { panic!("{rest:?}") };
        messages.push(client::decode(tag, body).expect("a message"));
        rest = &rest[HEADER_LENGTH + body.len()..];
    }
    messages
}

#[test]
fn extended_protocol_messages_arrive() {
    let parse = sent(|out| client::parse(out, "s", "select $1", &[23, 0]));
    let Message::Parse(parse) = received(&parse) else { panic!() };
    assert_eq!((parse.statement, parse.sql), ("s", "select $1"));
    assert_eq!(parse.types.iter().collect::<Vec<_>>(), [23, 0]);

    let bind = sent(|out| {
        client::bind(out, "p", "s", &[Format::Binary], &[Some(b"ab"), None], &[Format::Text; 2]);
    });
    let Message::Bind(bind) = received(&bind) else { panic!() };
    assert_eq!((bind.portal, bind.statement), ("p", "s"));
    assert_eq!(bind.parameters.iter().collect::<Vec<_>>(), [Some(&b"ab"[..]), None]);
    assert_eq!((bind.formats.format(0), bind.formats.format(1)), (Format::Binary, Format::Binary));
    assert_eq!(bind.result_formats.format(1), Format::Text);

    let execute = sent(|out| client::execute(out, "p", 10));
    assert_eq!(received(&execute), Message::Execute { portal: "p", max_rows: 10 });
    let describe = sent(|out| client::describe_portal(out, "p"));
    assert_eq!(received(&describe), Message::Describe(Target::Portal("p")));
    let close = sent(|out| client::close_statement(out, "s"));
    assert_eq!(received(&close), Message::Close(Target::Statement("s")));
    assert_eq!(received(&sent(client::sync)), Message::Sync);
    assert_eq!(received(&sent(client::flush)), Message::Flush);
    assert_eq!(received(&sent(client::terminate)), Message::Terminate);
}

#[test]
fn simple_and_copy_messages_arrive() {
    assert_eq!(
        received(&sent(|out| client::query(out, "select 'ä'"))),
        Message::Query("select 'ä'")
    );
    assert_eq!(received(&sent(|out| client::copy_data(out, b"1\n"))), Message::CopyData(b"1\n"));
    assert_eq!(received(&sent(client::copy_done)), Message::CopyDone);
    assert_eq!(received(&sent(|out| client::copy_fail(out, "no"))), Message::CopyFail("no"));
    let initial = sent(|out| client::sasl_initial_response(out, "SCRAM-SHA-256", b"n,,"));
    let Message::Password(response) = received(&initial) else { panic!() };
    let initial = response.sasl_initial().unwrap();
    assert_eq!((initial.mechanism, initial.response), ("SCRAM-SHA-256", Some(&b"n,,"[..])));
}

#[test]
fn backend_messages_arrive() {
    let out = sent(|out| {
        backend::authentication_sasl(out, &["SCRAM-SHA-256"]);
        backend::authentication_ok(out);
        backend::parameter_status(out, "TimeZone", "UTC");
        backend::backend_key_data(out, 7, -9);
        let field = Field {
            name: "a",
            table: 1,
            column: 2,
            data_type: 23,
            type_size: 4,
            type_modifier: -1,
            format: Format::Binary,
        };
        backend::row_description(out, [field]);
        let mut row = backend::data_row(out);
        row.value(b"x");
        row.null();
        row.write(|out| out.extend_from_slice(b"yz"));
        row.end();
        backend::data_row(out).cancel();
        backend::command_complete(out, "SELECT 1");
        backend::ready_for_query(out, TransactionStatus::InBlock);
    });
    let messages = answers(&out);
    assert_eq!(
        messages[..4],
        [
            client::Message::Authentication(Authentication::Sasl(b"SCRAM-SHA-256\0\0")),
            client::Message::Authentication(Authentication::Ok),
            client::Message::ParameterStatus("TimeZone", "UTC"),
            client::Message::BackendKeyData { process: 7, secret: -9 },
        ]
    );
    let columns = messages[4].columns().unwrap();
    assert_eq!((columns[0].name, columns[0].data_type), ("a", 23));
    assert_eq!(columns[0].format, Format::Binary);
    let client::Message::DataRow(row) = messages[5] else { panic!("{:?}", messages[5]) };
    assert_eq!(row.iter().collect::<Vec<_>>(), [Some(&b"x"[..]), None, Some(&b"yz"[..])]);
    assert_eq!(messages[6], client::Message::CommandComplete("SELECT 1"));
    assert_eq!(messages[7..], [client::Message::ReadyForQuery(b'T')]);
}

#[test]
fn reports_carry_every_field_that_is_set() {
    let mut report = Report::new(Severity::Error, "42601", "syntax error at or near \"x\"");
    report.position = 12;
    report.constraint = "t_pkey";
    let out = sent(|out| backend::report(out, &report));
    let [client::Message::ErrorResponse(fields)] = answers(&out)[..] else { panic!() };
    assert_eq!((fields.sqlstate(), fields.field(b'P')), ("42601", Some("12")));
    assert_eq!((fields.field(b'n'), fields.field(b'H')), (Some("t_pkey"), None));
    let notice = Report::new(Severity::Notice, "00000", "hello");
    let out = sent(|out| backend::report(out, &notice));
    assert!(matches!(answers(&out)[..], [client::Message::NoticeResponse(_)]));
}

#[test]
fn startup_packets_arrive() {
    let packet = sent(|out| client::startup(out, [("user", "anna"), ("database", "shop")]));
    assert_eq!(startup::packet_length(&packet, 10_000), Ok(Some(packet.len())));
    let Ok(Startup::Session(parameters)) = startup::decode(&packet) else { panic!() };
    assert_eq!(parameters.user(), Ok("anna"));
    assert_eq!(parameters.value("database"), Some("shop"));
    assert!(!parameters.needs_negotiation());

    let packet = sent(|out| {
        client::startup_version(out, 0x3_0002, [("user", "anna"), ("_pq_.new", "1")]);
    });
    let Ok(Startup::Session(parameters)) = startup::decode(&packet) else { panic!() };
    assert!(parameters.needs_negotiation());
    let out = sent(|out| backend::negotiate_protocol_version(out, parameters.options()));
    let expected =
        client::Message::NegotiateProtocolVersion { version: 0x3_0000, unknown_options: 1 };
    assert_eq!(answers(&out), [expected]);

    let cancel = sent(|out| client::cancel_request(out, 5, 6));
    assert_eq!(startup::decode(&cancel), Ok(Startup::CancelRequest { process: 5, secret: 6 }));
    assert_eq!(startup::decode(&sent(client::ssl_request)), Ok(Startup::SslRequest));
    assert_eq!(startup::decode(&sent(client::gssenc_request)), Ok(Startup::GssEncRequest));
}

#[test]
fn violations_read_as_in_postgresql() {
    let error = |tag, body: &[u8]| frontend::decode(tag, body).unwrap_err().to_string();
    assert_eq!(error(b'Q', b"select 1"), "invalid string in message");
    assert_eq!(error(b'Q', b"select 1\0x"), "invalid message format");
    assert_eq!(error(b'Q', b"\xe4x\0"), "invalid byte sequence for encoding \"UTF8\": 0xe4 0x78");
    assert_eq!(error(b'D', b"Xname\0"), "invalid DESCRIBE message subtype 88");
    assert_eq!(error(b'C', b"Xname\0"), "invalid CLOSE message subtype 88");
    assert_eq!(error(b'E', b"\0\0\0"), "insufficient data left in message");
    assert_eq!(error(b'D', b""), "no data left in message");
    let formats = b"\0\0\0\x02\0\0\0\0\0\x01\0\0\0\0\0\0";
    assert_eq!(error(b'B', formats), "bind message has 2 parameter formats but 1 parameters");
    assert_eq!(error(b'B', b"\0\0\0\x01\0\x07\0\0\0\0"), "unsupported format code: 7");
    let frame = |input: &[u8]| frontend::frame(input, Limits::AUTHENTICATED).unwrap_err();
    assert_eq!(frame(b"!").to_string(), "invalid frontend message type 33");
    assert_eq!(frame(b"Q\0\0\0\x03"), Error::MessageLength);
    assert_eq!(frame(b"Q\x7f\0\0\0"), Error::MessageLength);
    assert_eq!(frame(b"S\0\0\x7f\xff"), Error::MessageLength);
    let version = b"\0\0\0\x08\0\x02\0\0";
    let error = startup::decode(version).unwrap_err();
    assert_eq!(error.sqlstate(), "0A000");
    assert_eq!(error.to_string(), "unsupported frontend protocol 2.0: server supports 3.0 to 3.0");
}
