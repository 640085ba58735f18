//! Options of a socket that the FIX engine keeps to itself.
//!
//! With Nagle's algorithm on, a message waits until the venue has acknowledged the one before, which a venue with delayed
//! acknowledgements does 40 ms later. Without a limit the system keeps what a venue does not read for a quarter of an hour,
//! megabytes of it, and delivers it when the venue reads again. The engine has no setting for either, so the connection is
//! found among this process's own descriptors and duplicated; a socket option holds for every duplicate.

use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::sockopt;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

/// What was written and not acknowledged (or not read) for so long ends the connection, and is thrown away with it.
pub const UNREAD_LIMIT: Duration = Duration::from_secs(3);
/// What may lie unread in the system's own buffer: some hundred orders. What is behind them waits where it can be withheld.
const SEND_BUFFER: usize = 64 * 1024;

/// Makes every connection of this process to `port` send at once and keep nothing for long.
///
/// # Errors
/// One line: the system gives no duplicates, or there is no such connection.
pub fn set(port: u16) -> Result<(), String> {
    let unread_ms = u32::try_from(UNREAD_LIMIT.as_millis()).unwrap_or(u32::MAX);
    each(port, |stream| {
        stream.set_nodelay(true)?;
        sockopt::set_tcp_user_timeout(stream, unread_ms)?;
        sockopt::set_socket_send_buffer_size(stream, SEND_BUFFER)?;
        Ok(())
    })
}

/// Has the connections to `port` throw away what the venue has not read when they are closed: nothing leaves late.
///
/// # Errors
/// As [`set`].
pub fn discard_unread(port: u16) -> Result<(), String> {
    each(port, |stream| {
        Ok(sockopt::set_socket_linger(stream, Some(Duration::ZERO))?)
    })
}

fn each(port: u16, change: impl Fn(&TcpStream) -> std::io::Result<()>) -> Result<(), String> {
    let fail = |err: rustix::io::Errno| format!("own descriptors: {err}");
    let own = pidfd_open(getpid(), PidfdFlags::empty()).map_err(fail)?;
    let mut found = false;
    for entry in
        std::fs::read_dir("/proc/self/fd").map_err(|err| format!("/proc/self/fd: {err}"))?
    {
        let Some(number) = entry
            .ok()
            .and_then(|entry| entry.file_name().to_str()?.parse().ok())
        else {
            continue;
        };
        // The directory's own descriptor is among them, and gone by now.
        let duplicate: OwnedFd = match pidfd_getfd(&own, number, PidfdGetfdFlags::empty()) {
            Ok(duplicate) => duplicate,
            Err(rustix::io::Errno::BADF) => continue,
            Err(err) => return Err(fail(err)),
        };
        if !matches!(
            sockopt::socket_type(&duplicate),
            Ok(rustix::net::SocketType::STREAM)
        ) {
            continue;
        }
        let stream = TcpStream::from(duplicate);
        if stream.peer_addr().is_ok_and(|peer| peer.port() == port) {
            change(&stream).map_err(|err| err.to_string())?;
            found = true;
        }
    }
    if found {
        Ok(())
    } else {
        Err(format!(
            "no connection to port {port} among the own descriptors"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::{discard_unread, set};
    use rustix::net::sockopt;
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    #[test]
    fn a_connection_of_this_process_is_found_and_set() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(set(port).is_err());
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        assert!(!stream.nodelay().unwrap());
        set(port).unwrap();
        assert!(stream.nodelay().unwrap());
        assert_eq!(sockopt::tcp_user_timeout(&stream).unwrap(), 3000);
        assert_eq!(sockopt::socket_linger(&stream).unwrap(), None);
        discard_unread(port).unwrap();
        assert_eq!(
            sockopt::socket_linger(&stream).unwrap(),
            Some(Duration::ZERO)
        );
    }
}
