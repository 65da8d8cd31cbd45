//! The `fleet` program.

fn main() {}
