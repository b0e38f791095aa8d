//! Pictures taken apart.

/// How a number in words ends: `1ST`, `1st`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ordinal {
    Upper,
    Lower,
}

/// A piece of a picture.
#[derive(Clone, Debug)]
pub(super) enum Piece<K> {
    /// A character that stands for itself; whether it was quoted or escaped.
    Literal(char, bool),
    /// A pattern.
    Pattern {
        key: K,
        /// FM: no blanks and no zeros to fill up.
        fill: bool,
        /// TM: a name in the locale's words, which is not filled up either.
        translated: bool,
        ordinal: Option<Ordinal>,
    },
}

/// Takes a picture apart. `key` reads a pattern at the start of a text and says its length;
/// `prefixes` and suffixes belong to pictures of dates.
pub(super) fn pieces<K>(
    picture: &str,
    key: impl Fn(&str) -> Option<(K, usize)>,
    with_affixes: bool,
) -> Vec<Piece<K>> {
    let mut pieces = Vec::new();
    let mut rest = picture;
    while !rest.is_empty() {
        let (mut at, mut fill, mut translated) = (0, false, false);
        if with_affixes {
            while let Some(length) = prefix(&rest[at..], &mut fill, &mut translated) {
                at += length;
            }
        }
        if let Some((key, length)) = key(&rest[at..]) {
            rest = &rest[at + length..];
            let mut ordinal = None;
            if with_affixes {
                if let Some(after) = rest.strip_prefix("TH") {
                    (ordinal, rest) = (Some(Ordinal::Upper), after);
                } else if let Some(after) = rest.strip_prefix("th") {
                    (ordinal, rest) = (Some(Ordinal::Lower), after);
                }
                rest = rest.strip_prefix("SP").unwrap_or(rest);
            }
            pieces.push(Piece::Pattern { key, fill, translated, ordinal });
            continue;
        }
        rest = &rest[at..];
        rest = literal(rest, &mut pieces);
    }
    pieces
}

/// FM or TM before a pattern.
fn prefix(text: &str, fill: &mut bool, translated: &mut bool) -> Option<usize> {
    let word = text.get(..2)?;
    match word {
        "FM" | "fm" => *fill = true,
        "TM" | "tm" => *translated = true,
        _ => return None,
    }
    Some(2)
}

/// A character that is no pattern, or a string in quotes; what is left.
fn literal<'a, K>(text: &'a str, pieces: &mut Vec<Piece<K>>) -> &'a str {
    let mut characters = text.chars();
    match characters.next() {
        Some('"') => {
            while let Some(c) = characters.next() {
                match c {
                    '"' => break,
                    '\\' => pieces.extend(characters.next().map(|c| Piece::Literal(c, true))),
                    c => pieces.push(Piece::Literal(c, true)),
                }
            }
        }
        Some('\\') if characters.as_str().starts_with('"') => {
            characters.next();
            pieces.push(Piece::Literal('"', true));
        }
        Some(c) => pieces.push(Piece::Literal(c, false)),
        None => {}
    }
    characters.as_str()
}

/// `st`, `nd`, `rd` or `th` behind a number.
pub(super) fn ordinal(number: &str, form: Ordinal) -> &'static str {
    let digits = number.trim_end_matches(|c: char| !c.is_ascii_digit()).as_bytes();
    let last = digits.last().copied().unwrap_or(b'0');
    let teen = digits.len() > 1 && digits[digits.len() - 2] == b'1';
    let (upper, lower) = match last {
        _ if teen => ("TH", "th"),
        b'1' => ("ST", "st"),
        b'2' => ("ND", "nd"),
        b'3' => ("RD", "rd"),
        _ => ("TH", "th"),
    };
    if form == Ordinal::Upper { upper } else { lower }
}

/// 1 to 3999 in Roman numerals.
pub(super) fn roman(number: i64) -> Option<String> {
    const NUMERALS: [(i64, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    if !(1..=3999).contains(&number) {
        return None;
    }
    let mut rest = number;
    let mut text = String::new();
    for (value, numeral) in NUMERALS {
        while rest >= value {
            rest -= value;
            text.push_str(numeral);
        }
    }
    Some(text)
}
