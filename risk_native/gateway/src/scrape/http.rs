//! The endpoint: answers `GET /metrics` and nothing else, one connection at a time, on a thread of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::log_warn;

/// A request's head may be so long; nobody who scrapes sends more.
const HEAD_LIMIT: usize = 8 * 1024;
/// A client that says or takes nothing for so long is cut off, because the next one waits.
const PATIENCE: Duration = Duration::from_secs(2);

/// Binds the address and serves what `page` gives at that moment. Only addresses of this machine are taken: the page
/// tells positions, and nobody is asked who he is.
///
/// # Errors
/// One line naming the address that is not one, is not local, or cannot be bound.
pub fn serve(
    address: &str,
    page: impl Fn() -> String + Send + 'static,
) -> Result<SocketAddr, String> {
    let wanted: SocketAddr = address.parse().map_err(|err| {
        format!("--metrics {address}: {err}; give an address like 127.0.0.1:9464")
    })?;
    if !wanted.ip().is_loopback() {
        return Err(format!(
            "--metrics {address}: not an address of this machine; give one like 127.0.0.1:9464 and let a scraper run here"
        ));
    }
    let listener =
        TcpListener::bind(wanted).map_err(|err| format!("--metrics {address}: {err}"))?;
    let bound = listener
        .local_addr()
        .map_err(|err| format!("--metrics {address}: {err}"))?;
    std::thread::Builder::new()
        .name("metrics".into())
        .spawn(move || {
            for stream in listener.incoming() {
                if let Err(err) = stream.and_then(|stream| answer(stream, &page)) {
                    log_warn!("metrics_client", {"why": err.to_string()});
                }
            }
        })
        .map_err(|err| format!("metrics thread: {err}"))?;
    Ok(bound)
}

fn answer(mut stream: TcpStream, page: &impl Fn() -> String) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut head = Vec::new();
    let mut piece = [0_u8; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut piece)?;
        if read == 0 || head.len() + read > HEAD_LIMIT {
            return reply(&mut stream, "400 Bad Request", "not a request\n");
        }
        head.extend_from_slice(&piece[..read]);
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    match (words.next(), words.next()) {
        (Some(b"GET"), Some(path)) if path == b"/metrics" || path.starts_with(b"/metrics?") => {
            reply(&mut stream, "200 OK", &page())
        }
        (Some(b"GET"), Some(_)) => reply(&mut stream, "404 Not Found", "ask for /metrics\n"),
        _ => reply(&mut stream, "405 Method Not Allowed", "only GET\n"),
    }
}

fn reply(stream: &mut TcpStream, status: &str, body: &str) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )?;
    stream.flush()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::serve;

    fn ask(address: std::net::SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn metrics_are_served_and_nothing_else_is() {
        let address = serve("127.0.0.1:0", || "a 1\n".to_string()).unwrap();
        let page = ask(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(
            page.starts_with("HTTP/1.1 200 OK\r\n") && page.ends_with("\r\n\r\na 1\n"),
            "{page}"
        );
        assert!(ask(address, "GET /secret HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
        assert!(ask(address, "POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
        let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(9_000));
        assert!(ask(address, &long).starts_with("HTTP/1.1 400"));
        assert!(
            ask(address, "GET /metrics HTTP/1.1\r\n\r\n").ends_with("a 1\n"),
            "and it goes on"
        );
    }

    #[test]
    fn an_address_that_others_could_reach_is_refused() {
        for (address, word) in [
            ("0.0.0.0:0", "not an address of this machine"),
            ("9464", "--metrics 9464"),
        ] {
            let why = serve(address, String::new).unwrap_err();
            assert!(why.contains(word), "{why}");
        }
    }
}
