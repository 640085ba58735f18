//! What the machine itself takes for the hops of the kill path, measured beside it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

const PING: [u8; 128] = [7; 128];

fn micros(from: Instant, to: Instant) -> f64 {
    (to - from).as_nanos() as f64 / 1_000.0
}

/// Microseconds of `count` round trips of 128 bytes to another thread over a Unix socket, one at a time.
///
/// # Errors
/// What the sockets say.
pub fn round_trips(count: usize, pause: Duration) -> std::io::Result<Vec<f64>> {
    let (mut near, mut far) = UnixStream::pair()?;
    thread::spawn(move || {
        let mut buffer = [0_u8; 128];
        while far.read_exact(&mut buffer).is_ok() && far.write_all(&buffer).is_ok() {}
    });
    let mut times = Vec::with_capacity(count);
    let mut buffer = [0_u8; 128];
    for _ in 0..count {
        thread::sleep(pause);
        let start = Instant::now();
        near.write_all(&PING)?;
        near.read_exact(&mut buffer)?;
        times.push(micros(start, Instant::now()));
    }
    Ok(times)
}

/// Microseconds from a write to a Unix socket until a TCP reader has the bytes that three threads in a row passed on: the
/// hops of a kill with nothing done in them (control thread, core, venue's thread).
///
/// # Errors
/// What the sockets say.
pub fn hops(count: usize, pause: Duration) -> std::io::Result<Vec<f64>> {
    let (mut near, mut control) = UnixStream::pair()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut venue = TcpStream::connect(listener.local_addr()?)?;
    venue.set_nodelay(true)?;
    let (mut arrived, _) = listener.accept()?;
    let (to_core, core) = channel::<[u8; 128]>();
    let (to_venue, wire) = channel::<[u8; 128]>();
    let (told, moments): (_, Receiver<Instant>) = channel();
    thread::spawn(move || {
        let mut buffer = [0_u8; 128];
        while control.read_exact(&mut buffer).is_ok() && to_core.send(buffer).is_ok() {}
    });
    thread::spawn(move || core.iter().all(|message| to_venue.send(message).is_ok()));
    thread::spawn(move || wire.iter().all(|message| venue.write_all(&message).is_ok()));
    thread::spawn(move || {
        let mut buffer = [0_u8; 128];
        while arrived.read_exact(&mut buffer).is_ok() && told.send(Instant::now()).is_ok() {}
    });
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        thread::sleep(pause);
        let start = Instant::now();
        near.write_all(&PING)?;
        let end = moments
            .recv()
            .map_err(|_| std::io::Error::other("a thread of the floor measurement ended"))?;
        times.push(micros(start, end));
    }
    Ok(times)
}
