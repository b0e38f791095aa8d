//! Unsafe code: forbidden where it can be, listed in SECURITY.md where it cannot.

use std::fs;

use super::source::{Source, root};

/// Crates without unsafe code.
const SAFE: [&str; 5] = ["sql", "wire", "server", "bench", "tests"];

/// Roots of safe crates that do not forbid unsafe code.
pub fn forgotten_forbids(sources: &[Source]) -> Vec<String> {
    let is_root = |source: &&Source| {
        let file = source.path.trim_start_matches(source.owner);
        SAFE.contains(&source.owner) && (file == "/src/lib.rs" || file == "/src/main.rs")
    };
    let forbids = |source: &&Source| !source.text.contains("#![forbid(unsafe_code)]");
    sources.iter().filter(is_root).filter(forbids).map(|source| source.path.clone()).collect()
}

/// Files with unsafe code that SECURITY.md does not list, and listed files without any.
pub fn unlisted(sources: &[Source]) -> Vec<String> {
    let security = fs::read_to_string(root().join("SECURITY.md")).expect("SECURITY.md");
    let listed: Vec<&str> = security.lines().filter_map(listed_file).collect();
    let mut found = Vec::new();
    for source in sources {
        let lists = listed.contains(&source.path.as_str());
        match (has_unsafe(source), lists) {
            (true, false) => found.push(format!("{} has unsafe code, unlisted", source.path)),
            (false, true) => found.push(format!("{} is listed without need", source.path)),
            _ => {}
        }
    }
    let gone = listed.iter().filter(|path| sources.iter().all(|source| source.path != **path));
    found.extend(gone.map(|path| format!("{path} is listed and does not exist")));
    found
}

/// A table row "| `path` | why |".
fn listed_file(line: &str) -> Option<&str> {
    let path = line.strip_prefix("| `")?.split('`').next()?;
    path.ends_with(".rs").then_some(path)
}

fn has_unsafe(source: &Source) -> bool {
    let marks = ["unsafe {", "unsafe fn ", "unsafe impl ", "unsafe extern "];
    source.path != "tests/src/tidy/unsafety.rs"
        && source.path != "tests/src/tidy/source.rs"
        && source.code().any(|(_, code)| marks.iter().any(|mark| code.contains(mark)))
}
