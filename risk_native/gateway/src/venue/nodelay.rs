//! Nagle's algorithm off, on a socket that the FIX engine keeps to itself.
//!
//! With it on, a message waits until the venue has acknowledged the one before, which a venue with delayed
//! acknowledgements does 40 ms later. The engine has no setting for it, so the connection is found among this process's
//! own descriptors and duplicated; a socket option holds for every duplicate.

use std::net::TcpStream;
use std::os::fd::OwnedFd;

use rustix::net::sockopt;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

/// Sets `TCP_NODELAY` on every connection of this process to `port`.
///
/// # Errors
/// One line: the system gives no duplicates, or there is no such connection.
pub fn set(port: u16) -> Result<(), String> {
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
            stream.set_nodelay(true).map_err(|err| err.to_string())?;
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
    use super::set;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn a_connection_of_this_process_is_found_and_set() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(set(port).is_err());
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        assert!(!stream.nodelay().unwrap());
        set(port).unwrap();
        assert!(stream.nodelay().unwrap());
    }
}
