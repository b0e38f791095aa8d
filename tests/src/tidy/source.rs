//! The project's Rust files, as text.

use std::fs;
use std::path::{Path, PathBuf};

/// The crates, from the bottom up.
pub const CRATES: [&str; 8] =
    ["storage", "index", "mvcc", "wire", "sql", "server", "tests", "bench"];

/// The lint that an excused function names above itself.
const EXCUSED: &str = "clippy::too_many_lines";

/// A Rust file.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its crate's folder.
    pub owner: &'static str,
    /// Path from the project's root.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// The project's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every Rust file of every crate.
pub fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for owner in CRATES {
        collect(owner, &root().join(owner), owner, &mut found);
    }
    assert!(found.len() > CRATES.len(), "the sources are not where they should be");
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(owner: &'static str, dir: &Path, name: &str, found: &mut Vec<Source>) {
    for entry in fs::read_dir(dir).expect("read a source directory") {
        let path = entry.expect("directory entry").path();
        let child = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = format!("{name}/{child}");
        if path.is_dir() && child != "target" {
            collect(owner, &path, &name, found);
        } else if path.extension() == Some("rs".as_ref()) {
            let text = fs::read_to_string(&path).expect("sources are UTF-8");
            found.push(Source { owner, path: name, text });
        }
    }
}

impl Source {
    /// Lines with their numbers, comments and what follows `//` cut off.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(i, line)| {
            let code = line.find("//").map_or(line, |at| &line[..at]);
            (i + 1, code)
        })
    }

    /// Functions as (line, name, lines of code). Relies on rustfmt: a body ends at a closing brace
    /// that is indented as its `fn` is.
    pub fn functions(&self) -> Vec<(usize, String, usize)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let mut found = Vec::new();
        for (i, line) in lines.iter().enumerate() {
            let Some(name) = function_name(line) else { continue };
            let signature_end = lines[i..].iter().position(|line| line.ends_with(['{', '}', ';']));
            let Some(start) = signature_end.map(|end| i + end) else { continue };
            if !lines[start].ends_with('{') {
                continue;
            }
            // A long match that reads as a table may say so to clippy, with its reason.
            if lines[i.saturating_sub(4)..i].iter().any(|line| line.contains(EXCUSED)) {
                continue;
            }
            let indent = &line[..line.len() - line.trim_start().len()];
            let ends = |line: &&str| line.strip_prefix(indent) == Some("}");
            let body = lines[start + 1..].iter().take_while(|line| !ends(line));
            let counts = |line: &&&str| {
                let line = line.trim_start();
                !line.is_empty() && !line.starts_with("//")
            };
            found.push((i + 1, name.to_owned(), body.filter(counts).count()));
        }
        found
    }
}

fn function_name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    for word in
        ["pub(crate) ", "pub(super) ", "pub ", "const ", "async ", "unsafe ", "extern \"C\" "]
    {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let rest = rest.strip_prefix("fn ")?;
    Some(&rest[..rest.find(['(', '<'])?])
}
