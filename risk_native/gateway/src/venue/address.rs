//! Where the venue is: read from a file that nobody else may read, again before every connection.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// `host:port` from the file.
///
/// # Errors
/// One line: the file is missing, belongs to someone else, is readable by group or others, or holds no address.
pub fn read_address(path: &Path) -> Result<(String, u16), String> {
    let name = path.display();
    let meta = std::fs::metadata(path).map_err(|err| format!("venue address {name}: {err}"))?;
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!(
            "venue address {name}: mode {mode:04o} lets others read it; chmod 600 it"
        ));
    }
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(format!(
            "venue address {name}: it belongs to user {}, not to riskd's",
            meta.uid()
        ));
    }
    let text =
        std::fs::read_to_string(path).map_err(|err| format!("venue address {name}: {err}"))?;
    let line = text.trim();
    line.rsplit_once(':')
        .filter(|(host, _)| !host.is_empty() && !host.contains(char::is_whitespace))
        .and_then(|(host, port)| Some((host.to_string(), port.parse().ok().filter(|p| *p != 0)?)))
        // What it holds instead may be a secret that ended up in the wrong file.
        .ok_or_else(|| format!("venue address {name}: what it holds is not one host:port"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str, mode: u32) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fix.addr");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        (dir, path)
    }

    #[test]
    fn a_private_file_with_an_address_is_read() {
        let (_dir, path) = file("127.0.0.1:9876\n", 0o600);
        assert_eq!(read_address(&path), Ok(("127.0.0.1".into(), 9876)));
    }

    #[test]
    fn what_others_can_read_is_refused() {
        for mode in [0o640, 0o604, 0o660, 0o610] {
            let (_dir, path) = file("127.0.0.1:9876", mode);
            let err = read_address(&path).unwrap_err();
            assert!(err.contains("chmod 600"), "{err}");
        }
    }

    #[test]
    fn what_is_no_address_is_named() {
        for text in ["", "localhost", ":80", "h:0", "h:99999", "two words:80"] {
            let (_dir, path) = file(text, 0o600);
            let err = read_address(&path).unwrap_err();
            assert!(err.contains("host:port"), "{err}");
            assert!(err.contains("fix.addr"), "{err}");
        }
    }

    #[test]
    fn what_a_file_holds_is_not_repeated() {
        for text in ["hunter2", "user:secret@host", "key\nmore: 1"] {
            let (_dir, path) = file(text, 0o600);
            let err = read_address(&path).unwrap_err();
            for word in text
                .split(|c: char| !c.is_alphanumeric())
                .filter(|w| w.len() > 2)
            {
                assert!(word == "host" || !err.contains(word), "{word} in {err}");
            }
        }
    }
}
