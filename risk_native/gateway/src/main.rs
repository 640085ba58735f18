//! The `riskd` binary: reads the command line and says in one line what is wrong with it.
#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;

use dnalyaw_gateway::config::{self, Command};
use dnalyaw_gateway::second_wire::{self, Failure};
use dnalyaw_gateway::{control, limits, log, server, verify};

/// riskd runs and did not do what it was told.
const REFUSED: u8 = 1;
/// riskd did not start, or was called wrongly.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    log::log_panics();
    let done = match config::parse(std::env::args().skip(1)) {
        Err(why) => Err((UNUSABLE, why)),
        Ok(Command::Help) => print(config::USAGE),
        Ok(Command::Limits { tighter }) => limits::load(tighter.as_deref())
            .map_err(|why| (UNUSABLE, why))
            .and_then(|limits| print(&limits::describe(&limits).to_string())),
        Ok(Command::Call(call)) => control::call(&call)
            .map_err(|why| (REFUSED, why))
            .and_then(|answer| print(&answer)),
        Ok(Command::Verify { dir }) => verify::run(&dir)
            .map_err(|why| (REFUSED, why))
            .and_then(|summary| print(&summary)),
        Ok(Command::Flatten(options)) => second_wire::flatten(&options)
            .map_err(|failure| match failure {
                Failure::Unusable(why) => (UNUSABLE, why),
                Failure::Left(why) => (REFUSED, why),
            })
            .and_then(|answer| print(&answer)),
        Ok(Command::Serve(options)) => server::serve(&options).map_err(|why| (UNUSABLE, why)),
    };
    let status = match done {
        Ok(()) => ExitCode::SUCCESS,
        Err((status, why)) => {
            log::say(&format!("riskd: {}", why.replace('\n', " ")));
            ExitCode::from(status)
        }
    };
    log::flush();
    status
}

fn print(text: &str) -> Result<(), (u8, String)> {
    writeln!(std::io::stdout(), "{text}").map_err(|err| (UNUSABLE, format!("stdout: {err}")))
}
