//! The options of COPY and what they may be together.

use crate::error::{Cause, Result, SettingError, StatementError, SyntaxError};

/// Text or CSV.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CopyFormat {
    /// Tab-separated with backslash escapes.
    Text,
    /// Comma-separated with quotes.
    Csv,
}

/// Everything that decides how a line is written and read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CopyOptions {
    /// FORMAT
    pub format: CopyFormat,
    /// FREEZE
    pub freeze: bool,
    /// DELIMITER
    pub delimiter: u8,
    /// NULL
    pub null: String,
    /// HEADER
    pub header: Header,
    /// QUOTE
    pub quote: u8,
    /// ESCAPE
    pub escape: u8,
    /// FORCE_QUOTE
    pub force_quote: Columns,
    /// FORCE_NOT_NULL
    pub force_not_null: Columns,
    /// FORCE_NULL
    pub force_null: Columns,
}

/// What the first line is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Header {
    /// Data.
    No,
    /// Column names, skipped when read.
    Yes,
    /// Column names that must be the table's.
    Match,
}

/// A column list of an option.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Columns {
    /// `*`
    All,
    /// These.
    Named(Vec<String>),
}

impl Columns {
    /// Whether the column of this name is among them.
    pub fn has(&self, name: &str) -> bool {
        match self {
            Columns::All => true,
            Columns::Named(names) => names.iter().any(|known| known == name),
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Columns::Named(names) if names.is_empty())
    }
}

/// The value of one option as the parser gives it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OptionValue {
    /// No value: on.
    Bare,
    /// A word, a number or a string.
    Text(String),
    /// `*`
    Star,
    /// A list of columns.
    Names(Vec<String>),
}

/// One option as written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GivenOption {
    /// Its name in lower case.
    pub name: String,
    /// Its value.
    pub value: OptionValue,
    /// 1-based character position of the name.
    pub position: Option<u32>,
}

/// Options as they come in, before the defaults of the format are known.
#[derive(Default)]
struct Raw {
    csv: bool,
    freeze: bool,
    delimiter: Option<String>,
    null: Option<String>,
    header: Option<Header>,
    quote: Option<String>,
    escape: Option<String>,
    force_quote: Option<Columns>,
    force_not_null: Option<Columns>,
    force_null: Option<Columns>,
    seen: Vec<String>,
}

impl CopyOptions {
    /// Checks the options of a statement; `from`: COPY FROM.
    ///
    /// # Errors
    ///
    /// 42601, 22023 and 0A000 with PostgreSQL's messages.
    pub fn new(options: &[GivenOption], from: bool) -> Result<CopyOptions> {
        let mut raw = Raw::default();
        for GivenOption { name, value, position } in options {
            raw.take(name, value).map_err(|error| match error.cause() {
                // PostgreSQL does not say where these are.
                Cause::Syntax(
                    SyntaxError::OptionNeedsBoolean { .. } | SyntaxError::OptionNeedsValue { .. },
                )
                | Cause::Setting(_) => error,
                _ => error.at(*position),
            })?;
        }
        raw.complete(from)
    }
}

impl Raw {
    fn take(&mut self, name: &str, value: &OptionValue) -> Result<()> {
        if self.seen.iter().any(|seen| seen == name) {
            return Err(SyntaxError::ConflictingOptions.into());
        }
        self.seen.push(name.to_owned());
        match name {
            "format" => self.csv = format(value)?,
            "freeze" => self.freeze = boolean(name, value)?,
            "delimiter" => self.delimiter = Some(string(name, value)?),
            "null" => self.null = Some(string(name, value)?),
            "header" => self.header = Some(header(value)?),
            "quote" => self.quote = Some(string(name, value)?),
            "escape" => self.escape = Some(string(name, value)?),
            "force_quote" => self.force_quote = Some(columns(name, value)?),
            "force_not_null" => self.force_not_null = Some(columns(name, value)?),
            "force_null" => self.force_null = Some(columns(name, value)?),
            "encoding" => encoding(&string(name, value)?)?,
            _ => return Err(SyntaxError::UnknownOption { option: name.to_owned() }.into()),
        }
        Ok(())
    }

    fn complete(self, from: bool) -> Result<CopyOptions> {
        let (delimiter, null) = if self.csv { (",", "") } else { ("\t", "\\N") };
        let one = |what, value: Option<String>, default: &str| {
            single_byte(what, value.as_deref().unwrap_or(default))
        };
        if !self.csv {
            self.refuse_csv_only()?;
        }
        let named = || Columns::Named(Vec::new());
        let quote = one("quote", self.quote, "\"")?;
        let options = CopyOptions {
            format: if self.csv { CopyFormat::Csv } else { CopyFormat::Text },
            freeze: self.freeze,
            delimiter: one("delimiter", self.delimiter, delimiter)?,
            null: self.null.unwrap_or_else(|| null.to_owned()),
            header: self.header.unwrap_or(Header::No),
            quote,
            escape: self.escape.map_or(Ok(quote), |value| single_byte("escape", &value))?,
            force_quote: self.force_quote.unwrap_or_else(named),
            force_not_null: self.force_not_null.unwrap_or_else(named),
            force_null: self.force_null.unwrap_or_else(named),
        };
        options.check(from)?;
        Ok(options)
    }

    fn refuse_csv_only(&self) -> Result<()> {
        let only = [
            ("quote", self.quote.is_some()),
            ("escape", self.escape.is_some()),
            ("force quote", self.force_quote.is_some()),
            ("force not null", self.force_not_null.is_some()),
            ("force null", self.force_null.is_some()),
        ];
        match only.iter().find(|(_, given)| *given) {
            Some((what, _)) => Err(StatementError::CopyOption {
                problem: format!("COPY {what} available only in CSV mode"),
                unsupported: true,
            }
            .into()),
            None => Ok(()),
        }
    }
}

impl CopyOptions {
    fn check(&self, from: bool) -> Result<()> {
        let delimiter = self.delimiter;
        let csv = self.format == CopyFormat::Csv;
        let unsafe_delimiter = b"\\.abcdefghijklmnopqrstuvwxyz0123456789".contains(&delimiter);
        let problem = if matches!(delimiter, b'\n' | b'\r') {
            Some("COPY delimiter cannot be newline or carriage return".to_owned())
        } else if self.null.contains(['\n', '\r']) {
            Some("COPY null representation cannot use newline or carriage return".to_owned())
        } else if !csv && unsafe_delimiter {
            let shown = char::from(delimiter);
            Some(format!("COPY delimiter cannot be \"{shown}\""))
        } else if csv && delimiter == self.quote {
            Some("COPY delimiter and quote must be different".to_owned())
        } else if self.null.as_bytes().contains(&delimiter) {
            Some("COPY delimiter must not appear in the NULL specification".to_owned())
        } else if csv && self.null.as_bytes().contains(&self.quote) {
            Some("CSV quote character must not appear in the NULL specification".to_owned())
        } else if from && !self.force_quote.is_empty() {
            Some("COPY force quote only available using COPY TO".to_owned())
        } else if !from && !self.force_not_null.is_empty() {
            Some("COPY force not null only available using COPY FROM".to_owned())
        } else if !from && !self.force_null.is_empty() {
            Some("COPY force null only available using COPY FROM".to_owned())
        } else if !from && self.header == Header::Match {
            Some("cannot use \"match\" with HEADER in COPY TO".to_owned())
        } else {
            None
        };
        match problem {
            Some(problem) => {
                let unsupported =
                    problem.contains("only available") || problem.contains("must not appear");
                Err(StatementError::CopyOption { problem, unsupported }.into())
            }
            None => Ok(()),
        }
    }
}

fn format(value: &OptionValue) -> Result<bool> {
    match string("format", value)?.as_str() {
        "text" => Ok(false),
        "csv" => Ok(true),
        "binary" => {
            Err(SyntaxError::Unsupported { feature: "COPY in binary format".to_owned() }.into())
        }
        other => Err(StatementError::CopyFormat { format: other.to_owned() }.into()),
    }
}

fn encoding(name: &str) -> Result<()> {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    if plain.eq_ignore_ascii_case("utf8") || plain.eq_ignore_ascii_case("unicode") {
        return Ok(());
    }
    Err(SettingError::UnsupportedEncoding { encoding: name.to_owned() }.into())
}

fn header(value: &OptionValue) -> Result<Header> {
    if matches!(value, OptionValue::Text(word) if word.eq_ignore_ascii_case("match")) {
        return Ok(Header::Match);
    }
    boolean("header", value).map(|yes| if yes { Header::Yes } else { Header::No })
}

fn boolean(name: &str, value: &OptionValue) -> Result<bool> {
    match value {
        OptionValue::Bare => Ok(true),
        OptionValue::Text(word) => match word.to_ascii_lowercase().as_str() {
            "true" | "on" | "1" => Ok(true),
            "false" | "off" | "0" => Ok(false),
            _ => Err(SyntaxError::OptionNeedsBoolean { option: name.to_owned() }.into()),
        },
        OptionValue::Star | OptionValue::Names(_) => {
            Err(SyntaxError::OptionNeedsBoolean { option: name.to_owned() }.into())
        }
    }
}

fn string(name: &str, value: &OptionValue) -> Result<String> {
    match value {
        OptionValue::Text(text) => Ok(text.clone()),
        _ => Err(SyntaxError::OptionNeedsValue { option: name.to_owned() }.into()),
    }
}

fn columns(name: &str, value: &OptionValue) -> Result<Columns> {
    match value {
        OptionValue::Star => Ok(Columns::All),
        OptionValue::Names(names) => Ok(Columns::Named(names.clone())),
        _ => Err(StatementError::CopyOption {
            problem: format!("argument to option \"{name}\" must be a list of column names"),
            unsupported: false,
        }
        .into()),
    }
}

fn single_byte(what: &str, value: &str) -> Result<u8> {
    match value.as_bytes() {
        [byte] => Ok(*byte),
        _ => Err(StatementError::CopyOption {
            problem: format!("COPY {what} must be a single one-byte character"),
            unsupported: true,
        }
        .into()),
    }
}
