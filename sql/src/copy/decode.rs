//! Lines of COPY data to fields.
//!
//! Bytes arrive in pieces that end anywhere; a [`Decoder`] keeps what does not yet make a line.
//! In CSV a line ends at a line break outside quotes.

use super::options::{CopyFormat, CopyOptions};
use crate::error::{DataError, Result};

/// The longest line, in bytes, as PostgreSQL's.
const LINE_BYTES_MAX: usize = (1 << 30) - 1;

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
        if line == b"\\." {
            self.ended = true;
            return Ok(None);
        }
        self.line += 1;
        self.current = Some((from, to));
        fields.clear();
        match self.options.format {
            CopyFormat::Text => split_text(line, &self.options, fields),
            CopyFormat::Csv => split_csv(line, &self.options, fields)?,
        }
        Ok(Some(()))
    }

    /// `\.` ends the data, also behind the last line's own bytes.
    fn end_marker(&mut self, from: usize, at: usize) -> Option<(usize, usize)> {
        self.ended = true;
        (self.start, self.scanned) = (self.buffer.len(), self.buffer.len());
        (at > from).then_some((from, at))
    }

    /// The bounds of the next line without its end.
    fn next_line(&mut self, last: bool) -> Result<Option<(usize, usize)>> {
        let from = self.start;
        while self.scanned < self.buffer.len() {
            let byte = self.buffer[self.scanned];
            let at = self.scanned;
            self.scanned += 1;
            match byte {
                b'\\' if self.options.format == CopyFormat::Text => {
                    // The escaped byte is part of the line, a line break too.
                    if self.scanned == self.buffer.len() && !last {
                        self.scanned -= 1;
                        break;
                    }
                    if self.buffer.get(self.scanned) == Some(&b'.') {
                        match self.buffer.get(self.scanned + 1) {
                            None if !last => {
                                self.scanned -= 1;
                                break;
                            }
                            None | Some(b'\n' | b'\r') => return Ok(self.end_marker(from, at)),
                            Some(_) => {
                                self.line += 1;
                                self.current = None;
                                return Err(DataError::CopyEndMarker.into());
                            }
                        }
                    }
                    let escaped_break = self.buffer.get(self.scanned) == Some(&b'\n');
                    self.scanned +=
                        usize::from(escaped_break || self.buffer.get(self.scanned) == Some(&b'\\'));
                }
                byte if self.options.format == CopyFormat::Csv
                    && byte == self.options.escape
                    && byte != self.options.quote
                    && self.in_quotes =>
                {
                    if self.scanned == self.buffer.len() && !last {
                        self.scanned -= 1;
                        break;
                    }
                    self.scanned = (self.scanned + 1).min(self.buffer.len());
                }
                byte if self.options.format == CopyFormat::Csv && byte == self.options.quote => {
                    self.in_quotes = !self.in_quotes;
                }
                b'\n' if !self.in_quotes => {
                    self.start = self.scanned;
                    let end = if at > from && self.buffer[at - 1] == b'\r' { at - 1 } else { at };
                    return Ok(Some((from, end)));
                }
                _ => {}
            }
        }
        if self.buffer.len() - from > LINE_BYTES_MAX {
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
        let end = self.buffer.len();
        let end = if self.buffer[end - 1] == b'\r' { end - 1 } else { end };
        Ok(Some((from, end)))
    }
}

fn split_text(line: &[u8], options: &CopyOptions, fields: &mut Fields) {
    let mut raw_start = 0;
    let mut start = 0;
    let mut at = 0;
    while at < line.len() {
        let byte = line[at];
        at += 1;
        if byte == options.delimiter {
            let null = &line[raw_start..at - 1] == options.null.as_bytes();
            fields.end_field(start, null, false);
            (raw_start, start) = (at, fields.text.len());
        } else if byte == b'\\' && at < line.len() {
            at += unescape(&line[at..], &mut fields.text);
        } else {
            fields.text.push(byte);
        }
    }
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
    let (mut raw_start, mut start, mut at) = (0, 0, 0);
    let (mut in_quotes, mut quoted) = (false, false);
    while at < line.len() {
        let byte = line[at];
        at += 1;
        if in_quotes {
            let next = line.get(at).copied();
            if byte == options.escape
                && next.is_some_and(|n| n == options.escape || n == options.quote)
            {
                fields.text.extend(next);
                at += 1;
            } else if byte == options.quote {
                in_quotes = false;
            } else {
                fields.text.push(byte);
            }
        } else if byte == options.quote {
            (in_quotes, quoted) = (true, true);
        } else if byte == options.delimiter {
            let null = !quoted && &line[raw_start..at - 1] == options.null.as_bytes();
            fields.end_field(start, null, quoted);
            (raw_start, start, quoted) = (at, fields.text.len(), false);
        } else {
            fields.text.push(byte);
        }
    }
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

    fn rows(data: &[u8], piece: usize, csv: bool) -> Vec<Vec<Option<String>>> {
        let format = OptionValue::Text(if csv { "csv" } else { "text" }.to_owned());
        let format = GivenOption { name: "format".to_owned(), value: format, position: None };
        let options = CopyOptions::new(&[format], true).unwrap();
        let mut decoder = Decoder::new(options);
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
            let format = OptionValue::Text(if csv { "csv" } else { "text" }.to_owned());
            let format = GivenOption { name: "format".to_owned(), value: format, position: None };
            let mut decoder = Decoder::new(CopyOptions::new(&[format], true).unwrap());
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

    #[test]
    fn octal_and_hexadecimal_escapes() {
        assert_eq!(rows(b"\\101\\x42\\xg\\q\n", 100, false), vec![vec![some("ABxgq")]]);
    }
}
