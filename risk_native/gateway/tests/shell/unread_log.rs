//! A stderr that nobody reads stops nothing.

use std::io::Write;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::support::fix::OnCancel;
use crate::support::{BUY, Rig, limit};

#[test]
fn the_kill_switch_cancels_while_stderr_is_a_pipe_that_is_full() {
    let mut rig = Rig::new();
    rig.venue.book().on_cancel = OnCancel::Cancel;
    let (_nobody_reads, mut pipe) = std::io::pipe().expect("a pipe");
    let flags = fcntl_getfl(&pipe).expect("flags");
    fcntl_setfl(&pipe, flags | OFlags::NONBLOCK).expect("set");
    while pipe.write(&[b'\n'; 4096]).is_ok() {}
    while pipe.write(b"\n").is_ok() {}
    fcntl_setfl(&pipe, flags).expect("set");
    rig.start_with(pipe.into());
    let mut client = rig.trading();
    client.order(limit(1, 1, BUY, 10, 100));
    rig.venue.expect("D", 1);
    let (code, answer) = rig.call(&["kill", "--reason", "nobody reads the log"]);
    assert_eq!(code, Some(0), "{answer}");
    rig.venue.expect("F", 1);
    // It ends as well, after the second that it waits for the log.
    assert_eq!(rig.stop(), Some(0));
}
