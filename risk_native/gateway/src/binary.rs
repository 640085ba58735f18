//! Which program this is: the hash of the file that runs, so that nobody has to trust a version number.

use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use crate::log::hex;
use crate::log_warn;

static HASH: OnceLock<String> = OnceLock::new();

/// Computes the hash on a thread of its own; it takes a moment and nothing waits for it.
///
/// # Errors
/// When the system gives no thread.
pub fn start() -> std::io::Result<()> {
    std::thread::Builder::new()
        .name("binary-hash".into())
        .spawn(|| match std::fs::read("/proc/self/exe") {
            Ok(bytes) => {
                let _ = HASH.set(hex(&Sha256::digest(&bytes)));
            }
            Err(err) => log_warn!("binary_not_hashed", {"why": err.to_string()}),
        })
        .map(|_| ())
}

/// SHA-256 of the running file in hex; `None` until it is known.
#[must_use]
pub fn sha256() -> Option<&'static str> {
    HASH.get().map(String::as_str)
}
