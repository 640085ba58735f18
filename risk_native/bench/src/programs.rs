//! The compiled programs of a runtime directory, started and stopped, and the control sockets that speak to them.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const START: Duration = Duration::from_secs(20);

/// A program that serves; it is killed with SIGKILL when this is dropped.
pub struct Program {
    name: &'static str,
    child: Child,
}

impl Program {
    /// Start `bin/name` with `arguments`, its log in `root/name.log`, and wait for READY.
    ///
    /// # Errors
    /// When it does not start; names the log.
    pub fn start(
        bin: &Path,
        root: &Path,
        name: &'static str,
        arguments: &[String],
    ) -> Result<Program, String> {
        let log = root.join(format!("{name}.log"));
        let fail = |err: std::io::Error| format!("{name}: {err}; see {}", log.display());
        let file = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(fail)?;
        let mut child = Command::new(bin.join(name))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .map_err(fail)?;
        let stdout = child.stdout.take();
        let program = Program { name, child };
        let mut line = String::new();
        if let Some(stdout) = stdout {
            BufReader::new(stdout).read_line(&mut line).map_err(fail)?;
        }
        if line.starts_with("READY") {
            Ok(program)
        } else {
            Err(format!("{name} did not start; see {}", log.display()))
        }
    }

    /// SIGKILL, and wait until it is gone.
    ///
    /// # Errors
    /// What the system says.
    pub fn kill(&mut self) -> Result<(), String> {
        self.child
            .kill()
            .and_then(|()| self.child.wait())
            .map(|_| ())
            .map_err(|err| format!("{}: {err}", self.name))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have been killed before.
        let _ = self.kill();
    }
}

/// A connection to a socket that answers a line of JSON with a line of JSON.
pub struct Control {
    path: PathBuf,
    stream: BufReader<UnixStream>,
}

impl Control {
    /// Connect.
    ///
    /// # Errors
    /// What the socket says.
    pub fn open(path: &Path) -> Result<Control, String> {
        let stream =
            UnixStream::connect(path).map_err(|err| format!("{}: {err}", path.display()))?;
        Ok(Control {
            path: path.to_owned(),
            stream: BufReader::new(stream),
        })
    }

    /// Send a command; the moment just before the write.
    ///
    /// # Errors
    /// What the socket says.
    pub fn send(&mut self, command: &Value) -> Result<Instant, String> {
        let line = format!("{command}\n");
        let at = Instant::now();
        self.stream
            .get_mut()
            .write_all(line.as_bytes())
            .map_err(|err| format!("{}: {err}", self.path.display()))?;
        Ok(at)
    }

    /// The answer to a command.
    ///
    /// # Errors
    /// When there is none, or it says that the command was refused.
    pub fn answer(&mut self) -> Result<Value, String> {
        let mut line = String::new();
        self.stream
            .read_line(&mut line)
            .map_err(|err| format!("{}: {err}", self.path.display()))?;
        let answer: Value =
            serde_json::from_str(&line).map_err(|err| format!("{}: {err}", self.path.display()))?;
        match &answer["error"] {
            Value::Null => Ok(answer),
            error => Err(format!("{}: {error}", self.path.display())),
        }
    }

    /// Send a command and take its answer.
    ///
    /// # Errors
    /// As [`Control::answer`].
    pub fn ask(&mut self, command: &Value) -> Result<Value, String> {
        self.send(command)?;
        self.answer()
    }

    /// Ask for the status until `wanted` holds, at most `limit`; the moment at which the answer that did was asked for.
    ///
    /// # Errors
    /// When it never does; `what` says what was waited for.
    pub fn wait(
        &mut self,
        what: &str,
        limit: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Instant, String> {
        let begun = Instant::now();
        loop {
            let asked = Instant::now();
            let status = self.ask(&json!({"cmd": "status"}))?;
            if wanted(&status) {
                return Ok(asked);
            }
            if begun.elapsed() > limit {
                return Err(format!("{what} did not come within {limit:?}: {status}"));
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Wait for a file to be there.
///
/// # Errors
/// When it does not come.
pub fn await_file(path: &Path) -> Result<(), String> {
    let begun = Instant::now();
    while !path.exists() {
        if begun.elapsed() > START {
            return Err(format!("{} did not come", path.display()));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
