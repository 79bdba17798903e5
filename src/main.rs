//! The `paystrator` binary: hands the command line to `cli` and reports what failed.

fn main() {}
