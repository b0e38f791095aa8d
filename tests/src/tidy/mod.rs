//! The rules of the sources that a compiler does not check. Each returns what breaks it, a line each.

mod layers;
mod prose;
mod source;
mod unsafety;

pub use layers::upward_uses;
pub use prose::{banned_names, missing_headers, unfinished};
pub use source::{CRATES, Source, root, sources};
pub use unsafety::{forgotten_forbids, unlisted};

/// Files longer than this are split.
pub const FILE_LINES_MAX: usize = 800;
/// Functions longer than this are split; blank lines and comments do not count.
pub const FUNCTION_LINES_MAX: usize = 70;

/// Files over [`FILE_LINES_MAX`].
pub fn long_files(sources: &[Source]) -> Vec<String> {
    let long = |source: &&Source| source.text.lines().count() > FILE_LINES_MAX;
    sources.iter().filter(long).map(|source| source.path.clone()).collect()
}

/// Functions over [`FUNCTION_LINES_MAX`].
pub fn long_functions(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        for (line, name, length) in source.functions() {
            if length > FUNCTION_LINES_MAX {
                found.push(format!("{}:{line}: {name} has {length} lines", source.path));
            }
        }
    }
    found
}
