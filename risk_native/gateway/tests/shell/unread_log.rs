//! A stderr that nobody reads stops nothing.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::support::fix::OnCancel;
use crate::support::{BUY, Rig, limit};

#[test]
fn the_kill_switch_cancels_while_stderr_is_a_pipe_that_is_full() {
    let rig = Rig::new();
    rig.venue.book().on_cancel = OnCancel::Cancel;
    let (_nobody_reads, mut pipe) = std::io::pipe().expect("a pipe");
    let flags = fcntl_getfl(&pipe).expect("flags");
    fcntl_setfl(&pipe, flags | OFlags::NONBLOCK).expect("set");
    while pipe.write(&[b'\n'; 4096]).is_ok() {}
    while pipe.write(b"\n").is_ok() {}
    fcntl_setfl(&pipe, flags).expect("set");
    let mut child = rig
        .command()
        .stdout(Stdio::piped())
        .stderr(pipe)
        .spawn()
        .expect("riskd starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped"))
        .read_line(&mut line)
        .expect("a line");
    assert!(line.starts_with("READY "), "{line}");
    let mut client = rig.trading();
    client.order(limit(1, 1, BUY, 10, 100));
    rig.venue.expect("D", 1);
    let (code, answer) = rig.call(&["kill", "--reason", "nobody reads the log"]);
    assert_eq!(code, Some(0), "{answer}");
    rig.venue.expect("F", 1);
    // It ends as well, after the second that it waits for the log.
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&child),
        rustix::process::Signal::TERM,
    )
    .expect("signalled");
    assert!(child.wait().expect("a child").success());
}
