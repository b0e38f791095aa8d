//! Lines of COPY data to fields.
//!
//! Bytes arrive in pieces that end anywhere; a [`Decoder`] keeps what does not yet make a line.
//! In CSV a line ends at a line break outside quotes. The first line decides how all lines end:
//! with `\n`, with `\r` or with `\r\n`; another line break behind it is an error.

use memchr::{memchr2, memchr3};

use super::options::{CopyFormat, CopyOptions};
use crate::error::{DataError, Result};
use crate::types::VALUE_BYTES_MAX;

/// The fields of one line: one buffer and where each field ends.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    text: Vec<u8>,
    /// (start, end) in `text`; None is NULL.
    spans: Vec<Option<(usize, usize)>>,
    /// End of each field in `text`, NULL or not.
    ends: Vec<usize>,
    /// Whether the field was quoted in CSV.
    quoted: Vec<bool>,
}

impl Fields {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// One field; None is NULL.
    pub(crate) fn field(&self, index: usize) -> Option<&[u8]> {
        self.spans[index].map(|(start, end)| &self.text[start..end])
    }

    /// One field as written, also where it means NULL.
    pub(crate) fn raw(&self, index: usize) -> Option<&[u8]> {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.text[start..self.ends[index]])
    }

    /// Whether the field stood in quotes.
    pub(crate) fn is_quoted(&self, index: usize) -> bool {
        self.quoted[index]
    }

    fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
        self.ends.clear();
        self.quoted.clear();
    }

    fn end_field(&mut self, start: usize, null: bool, quoted: bool) {
        self.spans.push((!null).then_some((start, self.text.len())));
        self.ends.push(self.text.len());
        self.quoted.push(quoted);
    }
}

/// How the lines of one COPY end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum LineEnd {
    Newline,
    Return,
    ReturnNewline,
}

/// What one byte of the data came to.
enum Step {
    Inside,
    /// More bytes have to come first.
    Wait,
    /// A line from one place to another.
    Line(usize, usize),
    /// The end of the data.
    End,
}

/// Turns pieces of COPY data into lines of fields.
#[derive(Debug)]
pub(crate) struct Decoder {
    options: CopyOptions,
    buffer: Vec<u8>,
    /// First byte of `buffer` not yet given out.
    start: usize,
    /// How far the search for a line's end has come, and whether inside quotes there.
    scanned: usize,
    in_quotes: bool,
    /// Known from the first line on.
    line_end: Option<LineEnd>,
    line: u64,
    /// Where the line given out last stands in `buffer`.
    current: Option<(usize, usize)>,
    ended: bool,
}

impl Decoder {
    pub(crate) fn new(options: CopyOptions) -> Decoder {
        Decoder {
            options,
            buffer: Vec::new(),
            start: 0,
            scanned: 0,
            in_quotes: false,
            line_end: None,
            line: 0,
            current: None,
            ended: false,
        }
    }

    /// The number of the line given out last, from 1.
    pub(crate) fn line_number(&self) -> u64 {
        self.line
    }

    /// The line given out last as it came, until the next piece is taken.
    pub(crate) fn line_text(&self) -> Option<&[u8]> {
        let (from, to) = self.current?;
        self.buffer.get(from..to)
    }

    /// Takes the next piece. Behind the end of the data nothing is kept.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.current = None;
        if self.ended {
            self.buffer = Vec::new();
            return;
        }
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.scanned -= self.start;
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole line, split; `last`: no more bytes will come, so an unfinished line counts.
    /// None when there is none.
    ///
    /// # Errors
    ///
    /// 22P04 for data that is not in the format, 54000 for a line that is too long.
    pub(crate) fn next(&mut self, last: bool, fields: &mut Fields) -> Result<Option<()>> {
        if self.ended {
            return Ok(None);
        }
        let Some((from, to)) = self.next_line(last)? else { return Ok(None) };
        let line = &self.buffer[from..to];
        self.line += 1;
        self.current = Some((from, to));
        fields.clear();
        match self.options.format {
            CopyFormat::Text => split_text(line, &self.options, fields),
            CopyFormat::Csv => split_csv(line, &self.options, fields)?,
        }
        Ok(Some(()))
    }

    /// An error in the line that is being read.
    fn refuse(&mut self, error: DataError) -> crate::Error {
        self.line += 1;
        self.current = None;
        error.into()
    }

    /// The bounds of the next line without its end.
    fn next_line(&mut self, last: bool) -> Result<Option<(usize, usize)>> {
        let from = self.start;
        while let Some(at) = self.special() {
            self.scanned = at + 1;
            match self.step(from, at, last)? {
                Step::Inside => {}
                Step::Wait => {
                    self.scanned = at;
                    break;
                }
                Step::Line(from, to) => return Ok(Some((from, to))),
                Step::End => return Ok(None),
            }
        }
        if self.buffer.len() - from > VALUE_BYTES_MAX {
            return Err(DataError::CopyLineTooLong.into());
        }
        if !last || from == self.buffer.len() {
            return Ok(None);
        }
        self.start = self.buffer.len();
        if self.in_quotes {
            self.line += 1;
            self.current = Some((from, self.buffer.len()));
            return Err(DataError::CopyUnterminatedQuote.into());
        }
        Ok(Some((from, self.buffer.len())))
    }

    /// The next byte that [`Decoder::step`] has to look at.
    fn special(&mut self) -> Option<usize> {
        let rest = &self.buffer[self.scanned..];
        let CopyOptions { format, quote, escape, .. } = self.options;
        let found = match format {
            CopyFormat::Text => memchr3(b'\\', b'\n', b'\r', rest),
            CopyFormat::Csv if self.in_quotes => memchr3(quote, escape, self.counted_break(), rest),
            CopyFormat::Csv => memchr3(quote, b'\n', b'\r', rest),
        };
        let at = found.map(|ahead| self.scanned + ahead);
        self.scanned = at.unwrap_or(self.buffer.len());
        at
    }

    /// The line break that counts as one inside quotes.
    fn counted_break(&self) -> u8 {
        if self.line_end == Some(LineEnd::Newline) { b'\n' } else { b'\r' }
    }

    /// Looks at the byte at `at` of a line that begins at `from`; the search goes on at `scanned`.
    fn step(&mut self, from: usize, at: usize, last: bool) -> Result<Step> {
        let byte = self.buffer[at];
        let next = self.buffer.get(at + 1).copied();
        if self.options.format == CopyFormat::Text {
            return match (byte, next) {
                (b'\n' | b'\r', _) => self.line_break(from, at, last),
                (b'\\', None) if !last => Ok(Step::Wait),
                (b'\\', Some(b'.')) => self.end_marker(from, at, last),
                (b'\\', Some(_)) => {
                    // The escaped byte is part of the line, a line break too.
                    self.scanned += 1;
                    Ok(Step::Inside)
                }
                _ => Ok(Step::Inside),
            };
        }
        let CopyOptions { quote, escape, .. } = self.options;
        match byte {
            byte if self.in_quotes && byte == escape && byte != quote => {
                if next.is_none() && !last {
                    return Ok(Step::Wait);
                }
                self.scanned += usize::from(next.is_some());
            }
            byte if byte == quote => self.in_quotes = !self.in_quotes,
            b'\n' | b'\r' if self.in_quotes => {
                self.line += u64::from(byte == self.counted_break());
            }
            b'\n' | b'\r' => return self.line_break(from, at, last),
            _ => {}
        }
        Ok(Step::Inside)
    }

    /// A line break that is data for nothing but the end of the line.
    fn line_break(&mut self, from: usize, at: usize, last: bool) -> Result<Step> {
        let known = self.line_end;
        let end = match (self.buffer[at], self.buffer.get(at + 1)) {
            (b'\n', _) => LineEnd::Newline,
            _ if matches!(known, Some(LineEnd::Newline | LineEnd::Return)) => LineEnd::Return,
            (_, Some(b'\n')) => LineEnd::ReturnNewline,
            (_, None) if !last => return Ok(Step::Wait),
            _ => LineEnd::Return,
        };
        let csv = self.options.format == CopyFormat::Csv;
        let marks_end = csv && self.buffer[from..at] == *b"\\.";
        if *self.line_end.get_or_insert(end) != end {
            let is_return = end != LineEnd::Newline;
            let error = match known {
                Some(LineEnd::Newline | LineEnd::Return) if marks_end => {
                    DataError::CopyEndMarkerStyle
                }
                _ => DataError::CopyLineBreak { is_return, csv },
            };
            return Err(self.refuse(error));
        }
        if marks_end {
            return Ok(self.end_of_data(from, from));
        }
        self.scanned = at + if end == LineEnd::ReturnNewline { 2 } else { 1 };
        self.start = self.scanned;
        Ok(Step::Line(from, at))
    }

    /// `\.` of the text format, with the line's own end behind it.
    fn end_marker(&mut self, from: usize, at: usize, last: bool) -> Result<Step> {
        use LineEnd::{Newline, Return, ReturnNewline};
        let error = match (self.line_end, &self.buffer[at + 2..]) {
            (_, []) | (Some(ReturnNewline), [b'\r']) if !last => return Ok(Step::Wait),
            (Some(ReturnNewline), [b'\r', b'\n', ..])
            | (None | Some(Newline), [b'\n', ..])
            | (None | Some(Return), [b'\r', ..]) => return Ok(self.end_of_data(from, at)),
            (Some(ReturnNewline), [b'\n', ..] | [b'\r', b'\r', ..])
            | (Some(Newline), [b'\r', ..])
            | (Some(Return), [b'\n', ..]) => DataError::CopyEndMarkerStyle,
            _ => DataError::CopyEndMarker,
        };
        Err(self.refuse(error))
    }

    /// Nothing counts any more but what stands before the marker in its line.
    fn end_of_data(&mut self, from: usize, at: usize) -> Step {
        self.ended = true;
        (self.start, self.scanned) = (self.buffer.len(), self.buffer.len());
        if at > from { Step::Line(from, at) } else { Step::End }
    }
}

fn split_text(line: &[u8], options: &CopyOptions, fields: &mut Fields) {
    let (mut raw_start, mut start, mut at) = (0, 0, 0);
    while let Some(ahead) = memchr2(options.delimiter, b'\\', &line[at..]) {
        let special = at + ahead;
        fields.text.extend_from_slice(&line[at..special]);
        at = special + 1;
        if line[special] == options.delimiter {
            let null = &line[raw_start..special] == options.null.as_bytes();
            fields.end_field(start, null, false);
            (raw_start, start) = (at, fields.text.len());
        } else if at < line.len() {
            at += unescape(&line[at..], &mut fields.text);
        }
    }
    fields.text.extend_from_slice(&line[at..]);
    let null = &line[raw_start..] == options.null.as_bytes();
    fields.end_field(start, null, false);
}

/// Appends what the bytes behind a backslash mean; returns how many they are.
fn unescape(rest: &[u8], out: &mut Vec<u8>) -> usize {
    let byte = match rest[0] {
        b'b' => 0x08,
        b'f' => 0x0C,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0B,
        b'0'..=b'7' => {
            let digits = rest.iter().take(3).take_while(|c| matches!(c, b'0'..=b'7'));
            let (count, value) =
                digits.fold((0, 0u32), |(n, v), c| (n + 1, v * 8 + u32::from(c - b'0')));
            out.push((value & 0xFF) as u8);
            return count;
        }
        b'x' => {
            let digits = rest[1..].iter().take(2).map_while(|c| char::from(*c).to_digit(16));
            let (count, value) = digits.fold((0, 0), |(n, v), digit| (n + 1, v * 16 + digit));
            out.push(if count == 0 { b'x' } else { value as u8 });
            return 1 + count;
        }
        other => other,
    };
    out.push(byte);
    1
}

fn split_csv(line: &[u8], options: &CopyOptions, fields: &mut Fields) -> Result<()> {
    let CopyOptions { delimiter, quote, escape, .. } = *options;
    let (mut raw_start, mut start, mut at) = (0, 0, 0);
    let (mut in_quotes, mut quoted) = (false, false);
    while let Some(ahead) = memchr2(quote, if in_quotes { escape } else { delimiter }, &line[at..])
    {
        let special = at + ahead;
        fields.text.extend_from_slice(&line[at..special]);
        at = special + 1;
        let (byte, next) = (line[special], line.get(at).copied());
        if !in_quotes && byte == quote {
            (in_quotes, quoted) = (true, true);
        } else if !in_quotes {
            let null = !quoted && &line[raw_start..special] == options.null.as_bytes();
            fields.end_field(start, null, quoted);
            (raw_start, start, quoted) = (at, fields.text.len(), false);
        } else if byte == escape && next.is_some_and(|n| n == escape || n == quote) {
            fields.text.extend(next);
            at += 1;
        } else if byte == quote {
            in_quotes = false;
        } else {
            fields.text.push(byte);
        }
    }
    fields.text.extend_from_slice(&line[at..]);
    if in_quotes {
        return Err(DataError::CopyUnterminatedQuote.into());
    }
    let null = !quoted && &line[raw_start..] == options.null.as_bytes();
    fields.end_field(start, null, quoted);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::copy::{GivenOption, OptionValue};

    fn decoder(csv: bool) -> Decoder {
        let format = OptionValue::Text(if csv { "csv" } else { "text" }.to_owned());
        let format = GivenOption { name: "format".to_owned(), value: format, position: None };
        Decoder::new(CopyOptions::new(&[format], true).unwrap())
    }

    fn rows(data: &[u8], piece: usize, csv: bool) -> Vec<Vec<Option<String>>> {
        let mut decoder = decoder(csv);
        let (mut fields, mut rows) = (Fields::default(), Vec::new());
        let mut take = |decoder: &mut Decoder, last| {
            while decoder.next(last, &mut fields).unwrap().is_some() {
                let text = |i| fields.field(i).map(|f| String::from_utf8(f.to_vec()).unwrap());
                rows.push((0..fields.len()).map(text).collect());
            }
        };
        for piece in data.chunks(piece) {
            decoder.push(piece);
            take(&mut decoder, false);
        }
        take(&mut decoder, true);
        rows
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn text_lines_in_any_pieces() {
        let data = b"1\t\\N\ta\\tb\n2\t\tx\\\ny\n\\.\nignored\n";
        let expected =
            vec![vec![some("1"), None, some("a\tb")], vec![some("2"), some(""), some("x\ny")]];
        for piece in 1..data.len() {
            assert_eq!(rows(data, piece, false), expected, "pieces of {piece}");
        }
    }

    #[test]
    fn csv_quotes_hold_line_breaks_and_quotes() {
        let data = b"1,,\"\",\"a\"\"b\r\nc\"\r\n2,x\"y z\"w";
        let expected = vec![
            vec![some("1"), None, some(""), some("a\"b\r\nc")],
            vec![some("2"), some("xy zw")],
        ];
        for piece in 1..data.len() {
            assert_eq!(rows(data, piece, true), expected, "pieces of {piece}");
        }
    }

    #[test]
    fn the_end_marker_counts_behind_data_too() {
        for piece in 1..8 {
            let expected = vec![vec![some("1")], vec![some("2")]];
            assert_eq!(rows(b"1\n2\\.\n3\n", piece, false), expected, "pieces of {piece}");
        }
    }

    #[test]
    fn what_comes_behind_the_end_marker_is_not_kept() {
        for csv in [false, true] {
            let mut decoder = decoder(csv);
            let mut fields = Fields::default();
            decoder.push(b"1\n\\.\nmore");
            for expected in [Some(()), None] {
                assert_eq!(decoder.next(false, &mut fields).unwrap(), expected);
            }
            for _ in 0..100 {
                decoder.push(&[b'x'; 1000]);
                assert_eq!(decoder.next(false, &mut fields).unwrap(), None);
            }
            assert_eq!(decoder.buffer.capacity(), 0);
            assert_eq!(decoder.next(true, &mut fields).unwrap(), None);
        }
    }

    /// The rows, or the error with the number of its line.
    fn outcome(data: &[u8], piece: usize, csv: bool) -> String {
        let mut decoder = decoder(csv);
        let (mut fields, mut out) = (Fields::default(), Vec::new());
        let pieces = data.chunks(piece).map(Some).chain([None]);
        for piece in pieces {
            decoder.push(piece.unwrap_or_default());
            loop {
                match decoder.next(piece.is_none(), &mut fields) {
                    Ok(Some(())) => out.push(String::from_utf8_lossy(&fields.text).into_owned()),
                    Ok(None) => break,
                    Err(error) => return format!("{error}, line {}", decoder.line_number()),
                }
            }
        }
        out.join("|")
    }

    #[test]
    fn the_first_line_decides_how_lines_end() {
        const NEWLINE: &str = "literal newline found in data";
        const RETURN: &str = "literal carriage return found in data";
        const CSV_NEWLINE: &str = "unquoted newline found in data";
        const CSV_RETURN: &str = "unquoted carriage return found in data";
        const STYLE: &str = "end-of-copy marker does not match previous newline style";
        let cases: &[(&[u8], bool, &str, u64)] = &[
            (b"a\r\nb\n", false, NEWLINE, 2),
            (b"a\nb\r\n", false, RETURN, 2),
            (b"a\rb\r", false, "a|b", 0),
            (b"a\rb", true, "a|b", 0),
            (b"a\r", false, "a", 0),
            (b"a\r\nb", false, "a|b", 0),
            (b"a\rb\n", false, NEWLINE, 2),
            (b"a\rb\r\n", false, NEWLINE, 3),
            (b"a\r\nb\r", false, RETURN, 2),
            (b"a\r\nb\n", true, CSV_NEWLINE, 2),
            (b"a\nb\r\n", true, CSV_RETURN, 2),
            (b"a\r\n\"d\n\r\"\r\n\\.\n", true, CSV_NEWLINE, 4),
            (b"a\r\n\\.\n", false, STYLE, 2),
            (b"a\n\\.\r\n", false, STYLE, 2),
            (b"a\n\\.\r\nb\n", true, STYLE, 2),
            (b"a\r\n\\.\r\nb", true, "a", 0),
            (b"a\r\n\\.", true, "a|\\.", 0),
            (b"a\n\\.", false, "end-of-copy marker corrupt", 2),
            (b"a\\\rx\nd\n", false, "a\rx|d", 0),
            (b"a\\\r\nd\n", false, "a\r|d", 0),
            (b"a\nb\\", false, "a|b", 0),
            (b"\\", false, "", 0),
        ];
        for (data, csv, answer, line) in cases {
            let expected =
                if *line == 0 { (*answer).to_owned() } else { format!("{answer}, line {line}") };
            for piece in 1..=data.len() {
                assert_eq!(outcome(data, piece, *csv), expected, "{data:?} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn octal_and_hexadecimal_escapes() {
        assert_eq!(rows(b"\\101\\x42\\xg\\q\n", 100, false), vec![vec![some("ABxgq")]]);
    }
}
