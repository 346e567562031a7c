//! `ace`: the front command.
fn main() {}
