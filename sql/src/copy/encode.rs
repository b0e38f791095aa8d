//! Rows to lines of COPY data.

use super::options::{Columns, CopyFormat, CopyOptions};
use crate::types::VALUE_BYTES_MAX;

/// Writes lines.
#[derive(Debug)]
pub(crate) struct Encoder {
    options: CopyOptions,
    /// FORCE_QUOTE, by column.
    force_quote: Vec<bool>,
}

impl Encoder {
    /// `columns` are the names of the fields.
    pub(crate) fn new(options: CopyOptions, columns: &[String]) -> Encoder {
        let force_quote = columns.iter().map(|name| options.force_quote.has(name)).collect();
        Encoder { options, force_quote }
    }

    /// Appends one line of a row; `fields` are in text form, None is NULL.
    pub(crate) fn line<'a>(
        &self,
        fields: impl ExactSizeIterator<Item = Option<&'a [u8]>>,
        out: &mut Vec<u8>,
    ) {
        let alone = fields.len() == 1;
        for (index, field) in fields.enumerate() {
            // Too long already: whoever sends it refuses it.
            if out.len() > VALUE_BYTES_MAX {
                return;
            }
            if index > 0 {
                out.push(self.options.delimiter);
            }
            match (field, self.options.format) {
                (None, _) => out.extend_from_slice(self.options.null.as_bytes()),
                (Some(field), CopyFormat::Text) => self.text_field(field, out),
                (Some(field), CopyFormat::Csv) => {
                    let force = self.force_quote.get(index).copied().unwrap_or(false);
                    self.csv_field(field, force || (alone && field == b"\\."), out);
                }
            }
        }
        out.push(b'\n');
    }

    /// Appends the header line.
    pub(crate) fn header(&self, columns: &[String], out: &mut Vec<u8>) {
        let options =
            CopyOptions { force_quote: Columns::Named(Vec::new()), ..self.options.clone() };
        Encoder::new(options, &[]).line(columns.iter().map(|name| Some(name.as_bytes())), out);
    }

    fn text_field(&self, field: &[u8], out: &mut Vec<u8>) {
        for &byte in field {
            let escaped = match byte {
                0x08 => b'b',
                0x0C => b'f',
                b'\n' => b'n',
                b'\r' => b'r',
                b'\t' => b't',
                0x0B => b'v',
                b'\\' => b'\\',
                byte if byte == self.options.delimiter => byte,
                byte => {
                    out.push(byte);
                    continue;
                }
            };
            out.extend_from_slice(&[b'\\', escaped]);
        }
    }

    fn csv_field(&self, field: &[u8], force: bool, out: &mut Vec<u8>) {
        let CopyOptions { delimiter, quote, escape, null, .. } = &self.options;
        let special =
            |byte: &u8| byte == delimiter || byte == quote || matches!(byte, b'\n' | b'\r');
        if !force && field != null.as_bytes() && !field.iter().any(special) {
            return out.extend_from_slice(field);
        }
        out.push(*quote);
        for &byte in field {
            if byte == *quote || byte == *escape {
                out.push(*escape);
            }
            out.push(byte);
        }
        out.push(*quote);
    }
}
