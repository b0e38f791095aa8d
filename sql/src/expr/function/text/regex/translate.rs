//! PostgreSQL's advanced regular expressions in the syntax of the `regex` crate.

use std::iter::Peekable;
use std::ops::RangeInclusive;
use std::str::Chars;

use super::compiled::Flags;
use crate::error::{DataError, Result, SyntaxError};

/// A pattern and the flags that hold after its own options.
pub(super) struct Translated {
    pub(super) pattern: String,
    pub(super) flags: Flags,
    pub(super) preference: Preference,
}

/// Which of the matches that begin at one place is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Preference {
    /// There is only one.
    Only,
    Longest,
    Shortest,
}

/// What decides the preference of an expression: it is its first quantifier's, and with
/// alternatives it is for the longest.
#[derive(Clone, Copy, Default)]
struct Taste {
    first: Option<Preference>,
    alternatives: bool,
}

impl Taste {
    fn preference(self) -> Option<Preference> {
        if self.alternatives { Some(Preference::Longest) } else { self.first }
    }
}

/// Repetitions `{m,n}` may ask for.
const MOST_REPETITIONS: u32 = 255;

/// Translates a pattern.
///
/// # Errors
///
/// 2201B where PostgreSQL has it, 0A000 for what the matcher cannot do.
pub(super) fn translate(pattern: &str, mut flags: Flags) -> Result<Translated> {
    let mut rest = pattern;
    if let Some(after) = rest.strip_prefix("***=") {
        flags.literal = true;
        rest = after;
    } else if let Some(after) = rest.strip_prefix("***:") {
        rest = after;
    } else if rest.starts_with("***") {
        return Err(invalid("invalid regular expression"));
    }
    if flags.literal {
        let preference = Preference::Only;
        return Ok(Translated { pattern: regex::escape(rest), flags, preference });
    }
    rest = embedded_options(rest, &mut flags)?;
    let mut translator = Translator {
        rest: rest.chars().peekable(),
        out: String::with_capacity(pattern.len() + 8),
        tastes: vec![Taste::default()],
        of_atom: None,
        flags,
        after_atom: false,
    };
    translator.run()?;
    let preference = translator.tastes.pop().and_then(Taste::preference);
    let preference = preference.unwrap_or(Preference::Only);
    Ok(Translated { pattern: translator.out, flags, preference })
}

fn invalid(reason: &str) -> crate::Error {
    DataError::InvalidRegex { reason: reason.to_owned() }.into()
}

pub(super) fn unsupported(feature: &str) -> crate::Error {
    SyntaxError::Unsupported { feature: feature.to_owned() }.into()
}

/// `(?xyz)` at the very start.
fn embedded_options<'a>(pattern: &'a str, flags: &mut Flags) -> Result<&'a str> {
    let Some((letters, rest)) = pattern.strip_prefix("(?").and_then(|rest| rest.split_once(')'))
    else {
        return Ok(pattern);
    };
    if letters.is_empty() || !letters.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Ok(pattern);
    }
    for letter in letters.chars() {
        if !flags.set(letter)? {
            return Err(invalid("invalid embedded option"));
        }
    }
    Ok(rest)
}

struct Translator<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
    /// One for each open parenthesis, and one for the whole.
    tastes: Vec<Taste>,
    /// The preference of the atom that a quantifier would stand behind.
    of_atom: Option<Preference>,
    flags: Flags,
    /// Whether a quantifier may stand here.
    after_atom: bool,
}

impl Translator<'_> {
    fn run(&mut self) -> Result<()> {
        while let Some(c) = self.rest.next() {
            match c {
                '\\' => self.escape()?,
                '[' if self.skip("[:<:]]") => self.constraint("\\b{start}"),
                '[' if self.skip("[:>:]]") => self.constraint("\\b{end}"),
                '[' => {
                    self.bracket()?;
                    self.atom("");
                }
                '(' => self.open()?,
                ')' if self.tastes.len() > 1 => self.close(),
                ')' => return Err(invalid("parentheses () not balanced")),
                '*' | '+' | '?' => self.quantifier(c)?,
                '{' if self.rest.peek().is_some_and(char::is_ascii_digit) => self.bounds()?,
                '|' | '^' => {
                    self.out.push(c);
                    self.after_atom = false;
                    if let (Some(taste), '|') = (self.tastes.last_mut(), c) {
                        taste.alternatives = true;
                    }
                }
                '$' => {
                    self.out.push('$');
                    self.after_atom = false;
                }
                '.' => self.atom("."),
                c if self.flags.expanded && c.is_ascii_whitespace() => {}
                '#' if self.flags.expanded => while self.rest.next_if(|c| *c != '\n').is_some() {},
                c => self.literal(c),
            }
        }
        if self.tastes.len() > 1 { Err(invalid("parentheses () not balanced")) } else { Ok(()) }
    }

    /// Goes behind the given text when it comes next.
    fn skip(&mut self, text: &str) -> bool {
        let mut rest = self.rest.clone();
        let comes = text.chars().all(|c| rest.next() == Some(c));
        if comes {
            self.rest = rest;
        }
        comes
    }

    fn atom(&mut self, text: &str) {
        self.out.push_str(text);
        self.after_atom = true;
        self.of_atom = None;
    }

    fn literal(&mut self, c: char) {
        self.atom(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }

    fn close(&mut self) {
        self.of_atom = self.tastes.pop().and_then(Taste::preference);
        self.out.push(')');
        self.after_atom = true;
        if !matches!(self.rest.peek(), Some('*' | '+' | '?' | '{')) {
            self.prefer(self.of_atom);
        }
    }

    /// Takes the preference of a part, unless an earlier one has decided.
    fn prefer(&mut self, preference: Option<Preference>) {
        if let Some(taste) = self.tastes.last_mut() {
            taste.first = taste.first.or(preference);
        }
    }

    fn open(&mut self) -> Result<()> {
        if self.skip("?#") {
            // A comment, `(?#ttt)`: a quantifier behind it is that of the atom before it.
            while self.rest.next().is_some_and(|c| c != ')') {}
            return Ok(());
        }
        self.tastes.push(Taste::default());
        self.out.push('(');
        self.after_atom = false;
        if self.rest.next_if_eq(&'?').is_none() {
            return Ok(());
        }
        match self.rest.next() {
            Some(':') => self.out.push_str("?:"),
            Some('=' | '!' | '<') => {
                return Err(unsupported("lookaround in a regular expression"));
            }
            _ => return Err(invalid("quantifier operand invalid")),
        }
        Ok(())
    }

    fn quantifier(&mut self, c: char) -> Result<()> {
        if !self.after_atom {
            return Err(invalid("quantifier operand invalid"));
        }
        self.out.push(c);
        self.end_of_quantifier(false);
        Ok(())
    }

    /// A `?` behind a quantifier makes it take as little as it can. A fixed number of repetitions
    /// `{m}` is as the atom is.
    fn end_of_quantifier(&mut self, fixed: bool) {
        let mut preference = Preference::Longest;
        if self.rest.next_if_eq(&'?').is_some() {
            self.out.push('?');
            preference = Preference::Shortest;
        }
        self.prefer(if fixed { self.of_atom } else { Some(preference) });
        self.after_atom = false;
    }

    fn number(&mut self) -> Result<Option<u32>> {
        let mut digits = String::new();
        while let Some(digit) = self.rest.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        if digits.is_empty() {
            return Ok(None);
        }
        match digits.parse() {
            Ok(number @ 0..=MOST_REPETITIONS) => Ok(Some(number)),
            _ => Err(invalid("invalid repetition count(s)")),
        }
    }

    /// `{m}`, `{m,}`, `{m,n}`
    fn bounds(&mut self) -> Result<()> {
        if !self.after_atom {
            return Err(invalid("quantifier operand invalid"));
        }
        let least = self.number()?.unwrap_or(0);
        self.out.push_str(&format!("{{{least}"));
        let mut fixed = true;
        if self.rest.next_if_eq(&',').is_some() {
            self.out.push(',');
            fixed = false;
            if let Some(most) = self.number()? {
                if most < least {
                    return Err(invalid("invalid repetition count(s)"));
                }
                self.out.push_str(&most.to_string());
            }
        }
        if self.rest.next() != Some('}') {
            return Err(invalid("braces {} not balanced"));
        }
        self.out.push('}');
        self.end_of_quantifier(fixed);
        Ok(())
    }

    fn escape(&mut self) -> Result<()> {
        let Some(c) = self.rest.next() else {
            return Err(invalid("invalid escape \\ sequence"));
        };
        match c {
            'd' | 's' | 'w' | 'D' | 'S' | 'W' => {
                let class = class_escape(c);
                let not = if c.is_ascii_uppercase() { "^" } else { "" };
                self.atom(&format!("[{not}{class}]"));
            }
            'y' => self.constraint("\\b"),
            'Y' => self.constraint("\\B"),
            'm' => self.constraint("\\b{start}"),
            'M' => self.constraint("\\b{end}"),
            'A' => self.constraint("\\A"),
            'Z' => self.constraint("\\z"),
            '1'..='9' => return Err(unsupported("back reference in a regular expression")),
            _ => {
                let value = self.character_escape(c)?;
                self.literal(value);
            }
        }
        Ok(())
    }

    fn constraint(&mut self, text: &str) {
        self.out.push_str(text);
        self.after_atom = false;
    }

    fn character_escape(&mut self, c: char) -> Result<char> {
        Ok(match c {
            'a' => '\x07',
            'b' => '\x08',
            'B' => '\\',
            'e' => '\x1B',
            'f' => '\x0C',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0B',
            '0' => self.code(8, 0..=2)?,
            'c' => match self.rest.next() {
                Some(c) => char::from((c as u32 as u8) & 0x1F),
                None => return Err(invalid("invalid escape \\ sequence")),
            },
            'u' => self.code(16, 4..=4)?,
            'U' => self.code(16, 8..=8)?,
            'x' => self.code(16, 1..=255)?,
            c if c.is_ascii_alphanumeric() => return Err(invalid("invalid escape \\ sequence")),
            c => c,
        })
    }

    /// A character by its number, in so many digits.
    fn code(&mut self, radix: u32, length: RangeInclusive<usize>) -> Result<char> {
        let invalid = || invalid("invalid escape \\ sequence");
        let (mut code, mut digits) = (0u32, 0);
        while digits < *length.end() {
            let Some(digit) = self.rest.peek().and_then(|c| c.to_digit(radix)) else { break };
            self.rest.next();
            code = code.saturating_mul(radix).saturating_add(digit);
            digits += 1;
        }
        if !length.contains(&digits) {
            return Err(invalid());
        }
        char::from_u32(code).ok_or_else(invalid)
    }

    /// `[...]`
    fn bracket(&mut self) -> Result<()> {
        let unbalanced = || invalid("brackets [] not balanced");
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
            if self.flags.newline_stops {
                self.out.push_str("\\n");
            }
        }
        let mut is_first = true;
        loop {
            let c = self.rest.next().ok_or_else(unbalanced)?;
            match c {
                ']' if !is_first => break,
                '[' if matches!(self.rest.peek(), Some(':' | '.' | '=')) => self.named_class()?,
                '\\' => self.escape_in_bracket()?,
                '-' if self.is_range(is_first) => self.out.push('-'),
                c => self.push_in_bracket(c),
            }
            is_first = false;
        }
        self.out.push(']');
        Ok(())
    }

    /// Whether a hyphen stands between two ends.
    fn is_range(&mut self, is_first: bool) -> bool {
        !is_first && self.rest.peek().is_some_and(|next| *next != ']')
    }

    fn push_in_bracket(&mut self, c: char) {
        if matches!(c, '[' | ']' | '\\' | '^' | '-' | '&' | '~') {
            self.out.push('\\');
        }
        self.out.push(c);
    }

    fn escape_in_bracket(&mut self) -> Result<()> {
        let Some(c) = self.rest.next() else {
            return Err(invalid("invalid escape \\ sequence"));
        };
        match c {
            'd' | 's' | 'w' => self.out.push_str(class_escape(c)),
            'D' | 'S' | 'W' => {
                let class = class_escape(c);
                self.out.push_str(&format!("[^{class}]"));
            }
            _ => {
                let value = self.character_escape(c)?;
                self.push_in_bracket(value);
            }
        }
        Ok(())
    }

    /// `[:alpha:]`, `[.x.]` and `[=x=]` inside a bracket; the opening one has been read.
    fn named_class(&mut self) -> Result<()> {
        let kind = self.rest.next().unwrap_or(':');
        let mut name = String::new();
        loop {
            match self.rest.next() {
                Some(c) if c == kind && self.rest.peek() == Some(&']') => break,
                Some(c) => name.push(c),
                None => return Err(invalid("brackets [] not balanced")),
            }
        }
        self.rest.next();
        if kind != ':' {
            let mut characters = name.chars();
            return match (characters.next(), characters.next()) {
                (Some(c), None) => {
                    self.push_in_bracket(c);
                    Ok(())
                }
                _ => Err(invalid("invalid collating element")),
            };
        }
        const KNOWN: [&str; 13] = [
            "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print",
            "punct", "space", "upper", "xdigit",
        ];
        if name == "word" || KNOWN.contains(&name.as_str()) {
            self.out.push_str(&format!("[:{name}:]"));
            Ok(())
        } else {
            Err(invalid("invalid character class"))
        }
    }
}

/// What stands inside the brackets for a class; in the "C" locale, ASCII.
fn class_escape(letter: char) -> &'static str {
    match letter.to_ascii_lowercase() {
        'd' => "[:digit:]",
        's' => "[:space:]",
        _ => "[:alnum:]_",
    }
}
