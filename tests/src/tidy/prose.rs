//! Words: headers that are missing, names that say nothing, work left for later.

use super::source::Source;

/// Ends of type names that name no idea.
const EMPTY_ENDS: [&str; 6] = ["Manager", "Helper", "Util", "Utils", "Data", "Info"];
/// Methods of other people's traits.
const FOREIGN: [&str; 1] = ["get_next_precedence"];
/// Modules that are drawers.
const DRAWERS: [&str; 5] = ["common", "utils", "util", "misc", "helpers"];
/// Marks of unfinished work.
const UNFINISHED: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:"), concat!("HA", "CK:")];

/// Files that do not start with `//!`.
pub fn missing_headers(sources: &[Source]) -> Vec<String> {
    let bare = sources.iter().filter(|source| !source.text.starts_with("//! "));
    bare.map(|source| source.path.clone()).collect()
}

/// Marks of unfinished work, in code or comments.
pub fn unfinished(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        for (i, line) in source.text.lines().enumerate() {
            if UNFINISHED.iter().any(|mark| line.contains(mark)) {
                found.push(format!("{}:{}: {}", source.path, i + 1, line.trim()));
            }
        }
    }
    found
}

/// Types, functions and modules with names that say nothing.
pub fn banned_names(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let stem = source.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
        if DRAWERS.contains(&stem) {
            found.push(source.path.clone());
        }
        for (line, code) in source.code() {
            if let Some(name) = defined_name(code).filter(|name| is_empty_name(name)) {
                found.push(format!("{}:{line}: {name}", source.path));
            }
        }
    }
    found
}

fn is_empty_name(name: &str) -> bool {
    (name.starts_with("get_") && !FOREIGN.contains(&name))
        || EMPTY_ENDS.iter().any(|end| name.ends_with(end))
}

/// The name that a line defines, if it defines a type, a trait or a function.
fn defined_name(code: &str) -> Option<&str> {
    let mut words = code.split([' ', '(', '<', '{', ';', ':']);
    words.find(|word| ["struct", "enum", "trait", "type", "fn"].contains(word))?;
    words.next()
}
