//! omsd's side of the line to riskd: sends orders, and hears with the moment of arrival.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use dnalyaw_frames::{Body, FRAME_LEN, FixedText, Frame, Hello, NewOrder, SequenceOut, Sync};

const BEAT: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(20);

struct Out {
    stream: UnixStream,
    sequence: SequenceOut,
}

impl Out {
    fn send(&mut self, body: Body) -> std::io::Result<()> {
        let frame = Frame {
            seq: self.sequence.take(),
            // riskd's own clock decides; omsd's is for the reader of a trace.
            ts_ns: 0,
            body,
        };
        self.stream.write_all(&frame.encode())
    }
}

/// A connection that has said HELLO.
pub struct Link {
    out: Arc<Mutex<Out>>,
    arrivals: Receiver<(Instant, Body)>,
}

impl Link {
    /// Connect, greet and ask for everything.
    ///
    /// # Errors
    /// What the socket says.
    pub fn open(path: &Path, region: &str) -> std::io::Result<Link> {
        let stream = UnixStream::connect(path)?;
        let mut reading = stream.try_clone()?;
        let (told, arrivals) = channel();
        thread::spawn(move || {
            let mut bytes = [0_u8; FRAME_LEN];
            while reading.read_exact(&mut bytes).is_ok() {
                let at = Instant::now();
                match Frame::decode_from_risk(&bytes) {
                    Ok(frame) => {
                        if told.send((at, frame.body)).is_err() {
                            return;
                        }
                    }
                    Err(err) => {
                        eprintln!("link: {err}");
                        return;
                    }
                }
            }
        });
        let out = Arc::new(Mutex::new(Out {
            stream,
            sequence: SequenceOut::default(),
        }));
        let link = Link { out, arrivals };
        let region =
            FixedText::new(region).map_err(|err| std::io::Error::other(format!("{err:?}")))?;
        link.send(Body::Hello(Hello { session: 0, region }))?;
        link.send(Body::Sync(Sync { nonce: 1 }))?;
        let beating = Arc::downgrade(&link.out);
        thread::spawn(move || {
            while let Some(out) = beating.upgrade() {
                let sent = out
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .send(Body::Heartbeat);
                drop(out);
                if sent.is_err() {
                    return;
                }
                thread::sleep(BEAT);
            }
        });
        Ok(link)
    }

    /// Send one message.
    ///
    /// # Errors
    /// What the socket says.
    pub fn send(&self, body: Body) -> std::io::Result<()> {
        self.out
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .send(body)
    }

    /// Send an order to buy or sell whole shares.
    ///
    /// # Errors
    /// What the socket says.
    pub fn order(&self, order: NewOrder) -> std::io::Result<()> {
        self.send(Body::NewOrder(order))
    }

    /// The next message and when it came; waits a bounded time.
    ///
    /// # Errors
    /// When none comes, or the line is closed; `what` says what was waited for.
    pub fn next(&self, what: &str) -> Result<(Instant, Body), String> {
        self.arrivals
            .recv_timeout(PATIENCE)
            .map_err(|err| match err {
                RecvTimeoutError::Timeout => {
                    format!("{what}: nothing came within {} s", PATIENCE.as_secs())
                }
                RecvTimeoutError::Disconnected => format!("{what}: riskd closed the line"),
            })
    }

    /// Read until `wanted` says that this was it.
    ///
    /// # Errors
    /// As [`Link::next`].
    pub fn until(
        &self,
        what: &str,
        mut wanted: impl FnMut(&Body) -> bool,
    ) -> Result<(Instant, Body), String> {
        loop {
            let (at, body) = self.next(what)?;
            if wanted(&body) {
                return Ok((at, body));
            }
        }
    }

    /// Throw away what has come.
    pub fn drain(&self) {
        while self.arrivals.try_recv().is_ok() {}
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // The reading thread ends with the socket.
        let _ = out.stream.shutdown(std::net::Shutdown::Both);
    }
}
