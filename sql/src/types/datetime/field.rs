//! Fields: the text of a date, time or interval taken apart.

use super::super::is_blank;

/// A field by its looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Looks {
    /// Digits, perhaps with a fraction.
    Number,
    /// Letters.
    Word,
    /// Parts with separators between.
    Date,
    /// A colon behind the first digits.
    Time,
    /// A sign, then a number.
    Zone,
    /// A sign, then letters.
    Special,
}

/// A piece of the text, in lower case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Field {
    pub(super) looks: Looks,
    pub(super) text: String,
}

/// More fields than any date has.
const MOST_FIELDS: usize = 25;
/// Longer than any date is.
const MOST_BYTES: usize = 1024;

struct Scanner<'a> {
    rest: &'a [u8],
    text: String,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn advance(&mut self) {
        if let Some((first, rest)) = self.rest.split_first() {
            self.text.push(char::from(first.to_ascii_lowercase()));
            self.rest = rest;
        }
    }

    fn while_is(&mut self, accepts: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&accepts) {
            self.advance();
        }
    }

    fn digits(&mut self) {
        self.while_is(|byte| byte.is_ascii_digit());
    }

    /// Behind the first digits.
    fn number(&mut self) -> Looks {
        self.digits();
        match self.peek() {
            Some(b':') => {
                self.while_is(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.'));
                Looks::Time
            }
            Some(separator @ (b'-' | b'/' | b'.')) => self.parts(separator),
            _ => Looks::Number,
        }
    }

    /// `1997-12-17`, `17.12.1997`, `1997-dec-17`, `12.5`
    fn parts(&mut self, separator: u8) -> Looks {
        self.advance();
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.while_is(|byte| byte.is_ascii_alphanumeric() || byte == separator);
            return Looks::Date;
        }
        self.digits();
        if self.peek() == Some(separator) {
            self.advance();
            self.digits();
            return Looks::Date;
        }
        if separator == b'.' { Looks::Number } else { Looks::Date }
    }

    /// A word, a date that begins with a month, or a zone with punctuation inside.
    fn word(&mut self) -> Looks {
        self.while_is(|byte| byte.is_ascii_alphabetic());
        let is_date = match self.peek() {
            Some(b'-' | b'/' | b'.') => true,
            Some(byte) if byte == b'+' || byte.is_ascii_digit() => {
                super::words::word(&self.text).is_none()
            }
            _ => false,
        };
        if is_date {
            self.while_is(|byte| {
                byte.is_ascii_alphanumeric()
                    || matches!(byte, b'+' | b'-' | b'/' | b'_' | b'.' | b':')
            });
            return Looks::Date;
        }
        Looks::Word
    }

    /// Behind a sign.
    fn signed(&mut self) -> Option<Looks> {
        while self.peek().is_some_and(|byte| is_blank(char::from(byte))) {
            self.rest = &self.rest[1..];
        }
        match self.peek()? {
            byte if byte.is_ascii_digit() => {
                self.while_is(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.' | b'-'));
                Some(Looks::Zone)
            }
            byte if byte.is_ascii_alphabetic() => {
                self.while_is(|byte| byte.is_ascii_alphabetic());
                Some(Looks::Special)
            }
            _ => None,
        }
    }
}

/// Takes a text apart; None when it cannot be a date, a time or an interval.
pub(super) fn fields(text: &str) -> Option<Vec<Field>> {
    if text.len() > MOST_BYTES {
        return None;
    }
    let mut scanner = Scanner { rest: text.as_bytes(), text: String::new() };
    let mut fields = Vec::new();
    while let Some(first) = scanner.peek() {
        let looks = match first {
            byte if is_blank(char::from(byte)) => {
                scanner.rest = &scanner.rest[1..];
                continue;
            }
            byte if byte.is_ascii_digit() => scanner.number(),
            b'.' => {
                scanner.advance();
                scanner.digits();
                Looks::Number
            }
            byte if byte.is_ascii_alphabetic() => scanner.word(),
            b'+' | b'-' => {
                scanner.advance();
                scanner.signed()?
            }
            byte if byte.is_ascii_punctuation() => {
                scanner.rest = &scanner.rest[1..];
                continue;
            }
            _ => return None,
        };
        if fields.len() == MOST_FIELDS {
            return None;
        }
        fields.push(Field { looks, text: std::mem::take(&mut scanner.text) });
    }
    Some(fields)
}
