//! The program `reckon`: a server that speaks PostgreSQL's protocol.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use reckon_server::{Broken, run};

/// The caches are filled by one thread and emptied by another, and what may block moves to a thread of its own. An
/// allocator that keeps memory with threads holds several times what the caches count; this one keeps it with processors.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    run(std::env::args_os(), Broken::default())
}
