//! What is wrong with an `E'...'` string that sqlparser could not read.

use super::Source;
use crate::error::{Error, SyntaxError};
use crate::types;

/// The error of the string that starts at a character offset, when it does end.
pub(super) fn error_in(source: &Source, offset: u32) -> Option<Error> {
    let text = source.slice(offset, source.len());
    let body = text.strip_prefix(['E', 'e'])?.strip_prefix('\'')?;
    let mut bytes = Vec::new();
    let mut chars = body.char_indices().peekable();
    loop {
        let (at, c) = chars.next()?;
        match c {
            '\'' if chars.peek().is_some_and(|(_, c)| *c == '\'') => {
                chars.next();
                bytes.push(b'\'');
            }
            '\'' => break,
            '\\' => {
                let rest = &body[at + 1..];
                let (taken, byte) = escape(rest);
                let Some(byte) = byte else {
                    let before = u32::try_from(body[..at].chars().count()).ok()?;
                    let error = Error::from(SyntaxError::UnicodeEscape);
                    return Some(error.at(Some(offset + 2 + before + 1)));
                };
                bytes.extend(byte);
                for _ in 0..taken {
                    chars.next();
                }
            }
            _ => bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    types::utf8(&bytes).err()
}

/// How many characters an escape takes behind its backslash, and its bytes; None: malformed.
fn escape(rest: &str) -> (usize, Option<Vec<u8>>) {
    let first = rest.chars().next().unwrap_or('\\');
    let digits = |from: usize, most: usize, radix: u32| -> String {
        rest.chars().skip(from).take(most).take_while(|c| c.is_digit(radix)).collect()
    };
    match first {
        'u' | 'U' => {
            let wanted = if first == 'u' { 4 } else { 8 };
            let found = digits(1, wanted, 16);
            let code = (found.len() == wanted).then(|| u32::from_str_radix(&found, 16).ok());
            let c = code.flatten().and_then(char::from_u32);
            (1 + wanted, c.map(|c| c.encode_utf8(&mut [0; 4]).as_bytes().to_vec()))
        }
        'x' => {
            let found = digits(1, 2, 16);
            match u8::from_str_radix(&found, 16) {
                Ok(byte) => (1 + found.len(), Some(vec![byte])),
                Err(_) => (1, Some(b"x".to_vec())),
            }
        }
        '0'..='7' => {
            let found = digits(0, 3, 8);
            let byte = u32::from_str_radix(&found, 8).unwrap_or(0) & 0xff;
            (found.len(), Some(vec![u8::try_from(byte).unwrap_or(0)]))
        }
        _ => (1, Some(first.to_string().into_bytes())),
    }
}

/// The character offset of the string, name or comment that a text ends in.
pub(super) fn unterminated(text: &str) -> Option<u32> {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let length = if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            match comment_length(rest) {
                Some(length) => length,
                None => return offset_of(text, at),
            }
        } else if c == '\'' || c == '"' {
            match rest[1..].find(c) {
                Some(end) => end + 2,
                None => return offset_of(text, at - prefix_length(&text[..at])),
            }
        } else if let Some(tag) = dollar_tag(rest) {
            match rest[tag.len()..].find(tag) {
                Some(end) => end + 2 * tag.len(),
                None => return offset_of(text, at),
            }
        } else {
            c.len_utf8()
        };
        at += length;
    }
    None
}

/// Bytes of the letter that belongs to the string behind it: 1 for `E'...'` and its kind.
fn prefix_length(before: &str) -> usize {
    let mut chars = before.chars().rev();
    let letter = chars.next().is_some_and(|c| "eEbBxXnN".contains(c));
    let in_word = chars.next().is_some_and(|c| c.is_alphanumeric() || c == '_');
    usize::from(letter && !in_word)
}

fn offset_of(text: &str, at: usize) -> Option<u32> {
    u32::try_from(text[..at].chars().count()).ok()
}

fn comment_length(text: &str) -> Option<usize> {
    let (mut depth, mut at) = (0, 0);
    loop {
        let rest = text.get(at..)?;
        if rest.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += rest.chars().next()?.len_utf8();
        }
    }
}

/// `$tag$` at the start of a text.
fn dollar_tag(text: &str) -> Option<&str> {
    let body = text.strip_prefix('$')?;
    let end = body.find('$')?;
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let tag = &body[..end];
    (tag.chars().all(word) && !tag.starts_with(|c: char| c.is_ascii_digit()))
        .then(|| &text[..end + 2])
}

#[cfg(test)]
mod tests {
    use crate::parser::parse;

    fn problem(sql: &str) -> String {
        match parse(sql) {
            Ok(_) => "none".to_owned(),
            Err(error) => format!("{} {error}", error.sqlstate()),
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_named() {
        let expected = "22021 invalid byte sequence for encoding \"UTF8\": 0xff";
        assert_eq!(problem(r"select E'a\xff'"), expected);
    }

    #[test]
    fn a_short_unicode_escape_is_invalid() {
        assert_eq!(problem(r"select E'\u00'"), "22025 invalid Unicode escape");
    }

    #[test]
    fn an_unterminated_string_says_so() {
        let expected = r#"42601 unterminated quoted string at or near "E'abc""#;
        assert_eq!(problem("select E'abc"), expected);
    }
}
