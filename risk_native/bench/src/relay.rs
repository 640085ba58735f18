//! A TCP relay on the venue's side of riskd: every byte passes, and the moment at which a message arrives is noted.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

/// FIX messages that are noted, by the bytes that name them.
const CANCEL: &[u8] = b"\x0135=F\x01";
const FILL: &[u8] = b"\x01150=F\x01";

/// Moments of arrival since the last `clear`.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    /// OrderCancelRequests, as they came out of riskd's connection.
    pub cancels: Vec<Instant>,
    /// ExecutionReports of fills, as they came out of the venue's.
    pub fills: Vec<Instant>,
}

/// The relay; it lives as long as the process.
#[derive(Clone)]
pub struct Relay {
    seen: Arc<Mutex<Seen>>,
    address: SocketAddr,
}

impl Relay {
    /// Listen on a port of its own and pass everything on to `venue`.
    ///
    /// # Errors
    /// When there is no port.
    pub fn start(venue: String) -> std::io::Result<Relay> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let relay = Relay {
            seen: Arc::default(),
            address: listener.local_addr()?,
        };
        let seen = relay.seen.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if let Err(err) = serve(client, &venue, &seen) {
                    eprintln!("relay: {venue}: {err}");
                }
            }
        });
        Ok(relay)
    }

    /// `host:port` for riskd's address file.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Forget what was seen.
    pub fn clear(&self) {
        *self.lock() = Seen::default();
    }

    /// What was seen.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn serve(client: TcpStream, venue: &str, seen: &Arc<Mutex<Seen>>) -> std::io::Result<()> {
    let server = TcpStream::connect(venue)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (client_in, server_in) = (client.try_clone()?, server.try_clone()?);
    let cancels = seen.clone();
    thread::spawn(move || {
        pass(client_in, server, CANCEL, |at, count| {
            let mut seen = cancels.lock().unwrap_or_else(PoisonError::into_inner);
            seen.cancels.extend(std::iter::repeat_n(at, count));
        });
    });
    let fills = seen.clone();
    thread::spawn(move || {
        pass(server_in, client, FILL, |at, count| {
            let mut seen = fills.lock().unwrap_or_else(PoisonError::into_inner);
            seen.fills.extend(std::iter::repeat_n(at, count));
        });
    });
    Ok(())
}

/// Pass bytes on until either side ends; `note` hears how often `wanted` began to arrive in which read.
fn pass(mut from: TcpStream, mut to: TcpStream, wanted: &[u8], note: impl Fn(Instant, usize)) {
    let mut buffer = vec![0_u8; 1 << 16];
    // A message may be cut anywhere: the end of one read is looked at again with the next.
    let mut tail: Vec<u8> = Vec::new();
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let at = Instant::now();
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
        tail.extend_from_slice(&buffer[..length]);
        let count = tail
            .windows(wanted.len())
            .filter(|part| *part == wanted)
            .count();
        if count > 0 {
            note(at, count);
        }
        let keep = tail.len().min(wanted.len() - 1);
        tail.drain(..tail.len() - keep);
    }
    // The other direction ends with this one.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
