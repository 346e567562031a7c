//! The figures of this machine, measured on the release programs beside this one: `make bench`.
//!
//! Every mark stands beside what a bare loop takes in the same run, so that a slow or busy machine shows as such. It prints and
//! judges nothing by its exit: a program that does the wrong thing ends it, a slow one never does.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unused_crate_dependencies,
    reason = "a bench says what went wrong by failing"
)]

mod growth;
mod many;
mod model;
mod prompt;
mod scene;
mod search;
mod session;
mod start;
mod store;
mod system;
mod table;
mod viewers;
mod worktree;

use table::Table;

/// One part of the table.
type Part = fn(&mut Table);

fn main() {
    // `cargo test --benches` runs this too, with nothing to measure in a debug build.
    if std::env::args().any(|a| a == "--test") || cfg!(debug_assertions) {
        println!("SKIPPED: figures are taken from a release build: make bench");
        return;
    }
    let only = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    let base = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    println!("{}", system::machine(base));
    let parts: [(&str, Part); 10] = [
        ("start", start::measure),
        ("session", session::measure),
        ("many", many::measure),
        ("growth", growth::measure),
        ("store", store::measure),
        ("follow", store::follow),
        ("worktree", worktree::measure),
        ("prompt", prompt::measure),
        ("search", search::measure),
        ("viewers", viewers::measure),
    ];
    let mut table = Table::default();
    for (_, part) in parts.iter().filter(|(name, _)| only.as_deref().is_none_or(|o| o == *name)) {
        part(&mut table);
    }
    table.print();
}
