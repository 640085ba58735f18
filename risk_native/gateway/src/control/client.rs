//! `riskd kill` and its like: one command to a riskd that runs, by its control socket.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::protocol::Command;

/// Longer than riskd itself waits for its core.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// What to ask, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub socket: PathBuf,
    pub command: Command,
}

/// Asks; the answer's line when riskd did it.
///
/// # Errors
/// One line: nobody serves the socket, no answer came, or riskd refused.
pub fn call(call: &Call) -> Result<String, String> {
    let path = call.socket.display();
    let mut stream = UnixStream::connect(&call.socket).map_err(|err| {
        format!("control socket {path}: {err}; is riskd running? A dead one is replaced by riskd --flatten")
    })?;
    let fail = |err: std::io::Error| {
        format!("control socket {path}: {err}; kill -USR1 to riskd's process throws the switch too")
    };
    stream.set_read_timeout(Some(ANSWER_LIMIT)).map_err(fail)?;
    stream.set_write_timeout(Some(ANSWER_LIMIT)).map_err(fail)?;
    let mut line = serde_json::to_string(&call.command).map_err(|err| err.to_string())?;
    line.push('\n');
    stream.write_all(line.as_bytes()).map_err(fail)?;
    let mut answer = String::new();
    BufReader::new(&stream)
        .read_line(&mut answer)
        .map_err(fail)?;
    let read: Value = serde_json::from_str(&answer)
        .map_err(|_| format!("control socket {path}: the connection ended without an answer"))?;
    if read["ok"] == Value::Bool(true) {
        Ok(answer.trim_end().to_string())
    } else {
        Err(read["error"]
            .as_str()
            .unwrap_or("riskd refused without saying why")
            .to_string())
    }
}
