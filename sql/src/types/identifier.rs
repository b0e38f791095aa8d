//! Names inside texts: quoting them, and taking qualified ones apart.

use std::borrow::Cow;

use super::text::clip_name;
use crate::error::{Result, SyntaxError};
use crate::parser::keyword::{self, Class};

/// An identifier as it must be written to mean `name`.
pub fn quote_identifier(name: &str) -> Cow<'_, str> {
    let first = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'_';
    let later = |byte: &u8| first(byte) || byte.is_ascii_digit();
    let plain = name.as_bytes().first().is_some_and(first) && name.as_bytes().iter().all(later);
    if plain && keyword::class(name) == Class::Unreserved {
        return Cow::Borrowed(name);
    }
    Cow::Owned(format!("\"{}\"", name.replace('"', "\"\"")))
}

/// A literal that means `value`.
pub fn quote_literal(value: &str) -> String {
    let prefix = if value.contains('\\') { "E" } else { "" };
    format!("{prefix}'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
}

/// The parts of `a.b."C d"`, folded to lower case where they are not quoted.
pub fn split_identifiers(text: &str) -> Result<Vec<String>> {
    let invalid = || SyntaxError::InvalidName { name: text.to_owned() };
    let mut parts = Vec::new();
    let mut rest = super::trim(text);
    loop {
        let (part, after) = identifier(rest).ok_or_else(invalid)?;
        parts.push(clip_name(&part).to_owned());
        rest = after.trim_start_matches(super::is_blank);
        if rest.is_empty() {
            return Ok(parts);
        }
        rest = rest.strip_prefix('.').ok_or_else(invalid)?.trim_start_matches(super::is_blank);
    }
}

/// One identifier and what follows it.
fn identifier(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find(|c: char| c == '.' || c == '"' || super::is_blank(c));
        let (name, rest) = text.split_at(end.unwrap_or(text.len()));
        return (!name.is_empty()).then(|| (name.to_ascii_lowercase(), rest));
    };
    let mut name = String::new();
    loop {
        let (part, after) = rest.split_once('"')?;
        name.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return (!name.is_empty()).then_some((name, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_quoted_where_they_must() {
        for (name, quoted) in [
            ("abc_1", "abc_1"),
            ("Abc", "\"Abc\""),
            ("1a", "\"1a\""),
            ("select", "\"select\""),
            ("a\"b", "\"a\"\"b\""),
            ("", "\"\""),
            ("abort", "abort"),
        ] {
            assert_eq!(quote_identifier(name), quoted);
        }
        assert_eq!(quote_literal("it's"), "'it''s'");
        assert_eq!(quote_literal("a\\b"), "E'a\\\\b'");
    }

    #[test]
    fn qualified_names_come_apart() {
        let parts = |text: &str| split_identifiers(text).map_err(|e| e.to_string());
        assert_eq!(parts("Public.\"A.b\"\"c\""), Ok(vec!["public".into(), "A.b\"c".into()]));
        assert_eq!(parts(" a "), Ok(vec!["a".into()]));
        for text in ["", "a.", ".a", "a b", "\"a", "a..b"] {
            assert_eq!(parts(text), Err("invalid name syntax".into()), "{text}");
        }
    }
}
