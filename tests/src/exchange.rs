//! Protocol exchanges as text: bytes in, the server's messages out, to be compared between servers.

use std::collections::BTreeSet;

use reckon_wire::client::{self, Fields, Message};

use crate::Session;

/// Sends `bytes` and shows every message up to the `count`th ReadyForQuery, or up to the close.
pub fn exchange(session: &mut Session, bytes: &[u8], count: usize) -> String {
    let mut shown = String::new();
    if session.write(bytes).is_err() {
        return "closed before all was sent\n".into();
    }
    let mut ready = 0;
    while ready < count {
        let (tag, body) = match session.read() {
            Ok(message) => message,
            Err(error) if error.kind() == std::io::ErrorKind::Other => {
                shown.push_str("not a message of protocol 3\n");
                break;
            }
            Err(_) => {
                shown.push_str("closed\n");
                break;
            }
        };
        let message = client::decode(tag, &body);
        ready += usize::from(tag == b'Z');
        match message {
            Ok(message) => shown.push_str(&show(&message)),
            Err(error) => shown.push_str(&format!("not a message: {error}")),
        }
        shown.push('\n');
    }
    shown
}

fn show(message: &Message<'_>) -> String {
    match message {
        Message::ErrorResponse(fields) => format!("ErrorResponse {}", important(*fields)),
        Message::NoticeResponse(fields) => format!("NoticeResponse {}", important(*fields)),
        Message::RowDescription(_) => {
            let columns = message.columns().unwrap_or_default();
            let column = columns.iter().map(|column| {
                let format = column.format.code();
                format!("{}:{}:{}:{format}", column.name, column.data_type, column.type_modifier)
            });
            format!("RowDescription {}", column.collect::<Vec<_>>().join(" "))
        }
        Message::DataRow(row) => {
            let value = row.iter().map(|value| match value {
                None => "NULL".to_owned(),
                Some(bytes) => bytes.escape_ascii().to_string(),
            });
            format!("DataRow {}", value.collect::<Vec<_>>().join(" | "))
        }
        Message::ReadyForQuery(status) => format!("ReadyForQuery {}", char::from(*status)),
        other => format!("{other:?}"),
    }
}

/// What a client acts on: severity, SQLSTATE, message, position.
fn important(fields: Fields<'_>) -> String {
    let wanted: BTreeSet<u8> = [b'V', b'C', b'M', b'P'].into();
    let kept = fields.iter().filter(|(code, _)| wanted.contains(code));
    kept.map(|(code, text)| format!("{}={text}", char::from(code))).collect::<Vec<_>>().join(" ")
}
