//! The `paystrator` binary: hands the command line to `cli` and reports what failed.

use std::process::ExitCode;

fn main() -> ExitCode {
    match paystrator::cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("paystrator: {error:#}");
            ExitCode::FAILURE
        }
    }
}
