//! The `riskd` binary: reads the command line and says in one line what is wrong with it.
#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;

use dnalyaw_gateway::config::{self, Command};
use dnalyaw_gateway::{limits, server};

fn main() -> ExitCode {
    let done = config::parse(std::env::args().skip(1)).and_then(|command| match command {
        Command::Help => print(config::USAGE),
        Command::Limits { tighter } => limits::load(tighter.as_deref())
            .and_then(|limits| print(&limits::describe(&limits).to_string())),
        Command::Serve(options) => server::serve(&options),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "riskd: {}", why.replace('\n', " "));
            ExitCode::from(2)
        }
    }
}

fn print(text: &str) -> Result<(), String> {
    writeln!(std::io::stdout(), "{text}").map_err(|err| format!("stdout: {err}"))
}
