//! Who is at the other end of a Unix socket.

use std::os::unix::net::UnixStream;

/// A process as the system vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    pub uid: u32,
    pub pid: i32,
    /// The account's name, where the system has one for the number.
    pub name: String,
}

impl Peer {
    /// The credentials that the system took when the peer connected.
    ///
    /// # Errors
    /// The system's refusal.
    pub fn of(stream: &UnixStream) -> Result<Self, String> {
        let credentials = rustix::net::sockopt::socket_peercred(stream)
            .map_err(|err| format!("peer credentials: {err}"))?;
        let uid = credentials.uid.as_raw();
        Ok(Self {
            uid,
            pid: credentials.pid.as_raw_nonzero().get(),
            name: account_name(uid),
        })
    }

    /// Only riskd's own user and root may command it.
    ///
    /// # Errors
    /// One line naming both users.
    pub fn may_command(&self) -> Result<(), String> {
        let own = rustix::process::geteuid().as_raw();
        if self.uid == own || self.uid == 0 {
            Ok(())
        } else {
            Err(format!(
                "user {} ({}) may not command riskd, only {own} and root",
                self.uid, self.name
            ))
        }
    }
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (uid {}, pid {})", self.name, self.uid, self.pid)
    }
}

/// The name of a user id, or its number where the system has none for it.
pub fn account_name(uid: u32) -> String {
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    account(&accounts, uid).unwrap_or_else(|| format!("uid {uid}"))
}

/// The name of a user id in the system's list of accounts.
fn account(list: &str, uid: u32) -> Option<String> {
    list.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_number() {
        let list =
            "root:x:0:0:root:/root:/bin/sh\nbroken\n:x:7::\nrisk:x:1007:1007::/:/bin/false\n";
        assert_eq!(account(list, 0).as_deref(), Some("root"));
        assert_eq!(account(list, 1007).as_deref(), Some("risk"));
        assert_eq!(account(list, 7), None);
    }

    #[test]
    fn a_stranger_may_not_command() {
        let (one, _other) = UnixStream::pair().unwrap();
        let own = Peer::of(&one).unwrap();
        assert_eq!(own.may_command(), Ok(()));
        let root = Peer {
            uid: 0,
            ..own.clone()
        };
        assert_eq!(root.may_command(), Ok(()));
        let stranger = Peer {
            uid: own.uid + 1,
            ..own
        };
        assert!(
            stranger
                .may_command()
                .unwrap_err()
                .contains("may not command")
        );
    }
}
