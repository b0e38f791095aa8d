//! Dependencies point down: between crates, and inside `sql` between its stages.

use std::fs;

use super::source::{CRATES, Source, root};

/// What a crate may use. `tests` and `bench` see everything below them.
fn may_use(owner: &str) -> &'static [&'static str] {
    match owner {
        "storage" | "index" | "wire" => &[],
        "mvcc" => &["storage", "index"],
        "sql" => &["mvcc"],
        "server" => &["sql", "wire"],
        "tests" => &["storage", "index", "mvcc", "wire", "sql", "server"],
        _ => &["storage", "index", "mvcc", "wire", "sql", "server", "tests"],
    }
}

/// Manifests and sources that use a crate beside or above their own.
pub fn upward_uses(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for owner in CRATES {
        let manifest = fs::read_to_string(root().join(owner).join("Cargo.toml"));
        let manifest = manifest.expect("a manifest");
        for other in forbidden(owner) {
            if manifest.lines().any(|line| line.starts_with(&format!("reckon-{other}"))) {
                found.push(format!("{owner}/Cargo.toml depends on {other}"));
            }
        }
    }
    for source in sources {
        for (line, code) in source.code() {
            for other in forbidden(source.owner) {
                if code.contains(&format!("reckon_{other}::")) {
                    found.push(format!("{}:{line}: {} uses {other}", source.path, source.owner));
                }
            }
        }
    }
    found
}

fn forbidden(owner: &str) -> impl Iterator<Item = &'static str> {
    let allowed = may_use(owner);
    let own = CRATES.into_iter().find(|name| *name == owner);
    CRATES.into_iter().filter(move |other| Some(*other) != own && !allowed.contains(other))
}
