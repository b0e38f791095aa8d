//! The text of a query string and where its tokens stand.
//!
//! sqlparser counts lines and columns; a client counts characters from 1. Operators have no place
//! in sqlparser's tree, so they are looked up among the tokens before their right side.

use sqlparser::ast::Spanned;
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan};

use super::split::syntax_error_at;
use crate::error::Error;
use crate::stack;
use crate::types::clip_name;

/// Every so many characters of a text that is not ASCII, its byte offset is kept.
const CHECKPOINT_CHARACTERS: usize = 64;
/// A name of so many characters is never too long: four bytes each.
const NAME_CHARACTERS_SAFE: u32 = 15;

/// The name a token is; None for anything else.
fn spoken(token: &str) -> Option<String> {
    if let Some(quoted) = token.strip_prefix('"') {
        return Some(quoted.strip_suffix('"')?.replace("\"\"", "\""));
    }
    let first = token.chars().next()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$') || !c.is_ascii();
    let is_name = !first.is_ascii_digit() && first != '$' && token.chars().all(plain);
    is_name.then(|| token.to_ascii_lowercase())
}

/// A query string and the places of its tokens.
#[derive(Debug, Default)]
pub struct Source {
    text: String,
    /// Character offset at which each line starts.
    lines: Vec<u32>,
    /// (start, end) of each token but white space, as character offsets.
    tokens: Vec<(u32, u32)>,
    /// Byte offsets of the characters 0, 64, 128...; None: every character is one byte.
    checkpoints: Option<Vec<usize>>,
    /// The number of characters.
    length: u32,
    /// Levels of the deepest statement's tree.
    levels: u32,
}

impl Source {
    pub(super) fn new(text: &str, tokens: &[TokenWithSpan], levels: u32) -> Source {
        let mut lines = vec![0];
        let breaks = text.chars().zip(1..).filter(|(c, _)| *c == '\n').map(|(_, offset)| offset);
        lines.extend(breaks);
        let (checkpoints, length) = if text.is_ascii() {
            (None, text.len())
        } else {
            let every = text.char_indices().step_by(CHECKPOINT_CHARACTERS);
            (Some(every.map(|(byte, _)| byte).collect()), text.chars().count())
        };
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let text = text.to_owned();
        let mut source = Source { text, lines, tokens: Vec::new(), checkpoints, length, levels };
        let words = tokens.iter().filter(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF));
        source.tokens = words
            .filter_map(|t| Some((source.offset(t.span.start)?, source.offset(t.span.end)?)))
            .collect();
        source
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names that are longer than a name may be, as they stand in the text and as they are
    /// cut.
    pub fn cut_names(&self) -> Vec<(String, String)> {
        let long = self.tokens.iter().filter(|(start, end)| end - start > NAME_CHARACTERS_SAFE);
        let cut = long.filter_map(|(start, end)| {
            let name = spoken(self.slice(*start, *end))?;
            let cut = clip_name(&name).to_owned();
            (cut != name).then_some((name, cut))
        });
        cut.collect()
    }

    /// The character offset of a place; None for an empty one.
    pub(super) fn offset(&self, at: Location) -> Option<u32> {
        let line = usize::try_from(at.line.checked_sub(1)?).ok()?;
        Some(self.lines.get(line)? + u32::try_from(at.column.checked_sub(1)?).ok()?)
    }

    /// The 1-based character position at which a span starts.
    pub fn position(&self, span: Span) -> Option<u32> {
        self.offset(span.start).map(|offset| offset + 1)
    }

    /// The position at which a part of the tree starts: the whole part is looked at.
    pub(crate) fn place_of(&self, part: &impl Spanned) -> Option<u32> {
        self.position(self.span_of(part))
    }

    /// Where a part of the tree stands.
    pub(crate) fn span_of(&self, part: &impl Spanned) -> Span {
        self.walk(|| part.span())
    }

    /// Makes, copies or walks a part of the tree.
    pub(crate) fn walk<R>(&self, work: impl FnOnce() -> R) -> R {
        stack::roomy(self.levels, work)
    }

    /// The position of the token before `before` that reads `text`, ignoring case: an operator in
    /// front of its right side, or a keyword in front of what it governs.
    pub fn position_before(&self, text: &str, before: Option<u32>) -> Option<u32> {
        let before = before? - 1;
        let end = self.tokens.partition_point(|(start, _)| *start < before);
        let found = self.tokens[..end]
            .iter()
            .rev()
            .find(|(start, end)| self.slice(*start, *end).eq_ignore_ascii_case(text));
        found.map(|(start, _)| start + 1)
    }

    /// The position of the first token that reads `text` after `after`.
    pub fn position_after(&self, text: &str, after: Option<u32>) -> Option<u32> {
        let after = after?;
        let from = self.tokens.partition_point(|(start, _)| *start < after);
        let found = self.tokens[from..]
            .iter()
            .find(|(start, end)| self.slice(*start, *end).eq_ignore_ascii_case(text));
        found.map(|(start, _)| start + 1)
    }

    /// `syntax error at or near` the first token behind a span.
    pub(crate) fn error_after(&self, span: Span) -> Error {
        let offset = self.offset(span.end).unwrap_or_else(|| self.len());
        syntax_error_at(offset, self)
    }

    /// The position of the first token behind a span: a type behind its column's name.
    pub fn next_position(&self, span: Span) -> Option<u32> {
        let (start, _) = self.token_at(self.offset(span.end)?)?;
        Some(start + 1)
    }

    /// The position of the token behind the one at `position`.
    pub(crate) fn position_behind(&self, position: Option<u32>) -> Option<u32> {
        let (start, _) = self.token_at(position?)?;
        Some(start + 1)
    }

    /// The token that starts at or after a character offset, as written, with its offset.
    pub(super) fn token_at(&self, offset: u32) -> Option<(u32, &str)> {
        let index = self.tokens.partition_point(|(start, _)| *start < offset);
        let (start, end) = *self.tokens.get(index)?;
        Some((start, self.slice(start, end)))
    }

    /// The characters from `start` to `end`.
    pub(super) fn slice(&self, start: u32, end: u32) -> &str {
        let range = self.byte(start)..self.byte(end);
        self.text.get(range).unwrap_or_default()
    }

    /// The byte offset of a character offset.
    pub(super) fn byte(&self, offset: u32) -> usize {
        let (offset, end) = (offset as usize, self.text.len());
        let Some(checkpoints) = &self.checkpoints else { return offset.min(end) };
        let Some(from) = checkpoints.get(offset / CHECKPOINT_CHARACTERS) else { return end };
        let mut rest = self.text[*from..].char_indices();
        rest.nth(offset % CHECKPOINT_CHARACTERS).map_or(end, |(byte, _)| from + byte)
    }

    /// The number of characters.
    pub(super) fn len(&self) -> u32 {
        self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_found_in_any_text() {
        for text in ["", "select 1", "é", &"aé€🙂".repeat(100), &"é".repeat(64)] {
            let source = Source::new(text, &[], 0);
            let mut bytes = text.char_indices().map(|(byte, _)| byte).chain([text.len()]);
            for offset in 0..=source.len() {
                assert_eq!(Some(source.byte(offset)), bytes.next(), "{offset} of {text}");
            }
            assert_eq!(bytes.next(), None, "{text}");
            assert_eq!(source.byte(source.len() + 1), text.len(), "{text}");
        }
    }
}
