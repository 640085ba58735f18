//! Whether riskd may serve a real venue: its own user, its own files, and an omsd that has no other way out.
//!
//! Checked before anything is opened, and of the peer again at every connection. What cannot be read counts as wrong.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use crate::config::Options;
use crate::control::Peer;

/// A user of the system's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OmsUser {
    pub name: String,
    pub uid: u32,
    gid: u32,
}

/// Refuses to serve live unless everything holds.
///
/// # Errors
/// One line: what is wrong, where, and what to do.
pub fn check(options: &Options, oms_user: &str) -> Result<OmsUser, String> {
    let own = rustix::process::geteuid().as_raw();
    if own == 0 {
        return Err("--live: riskd runs as root; give it a user of its own".into());
    }
    let accounts =
        std::fs::read_to_string("/etc/passwd").map_err(|err| format!("/etc/passwd: {err}"))?;
    let oms = find(&accounts, oms_user)
        .ok_or_else(|| format!("--oms-user {oms_user}: no such user in /etc/passwd"))?;
    if oms.uid == 0 {
        return Err(format!(
            "--oms-user {oms_user}: root passes every lock; give omsd a user of its own"
        ));
    }
    if oms.uid == own {
        return Err(format!(
            "--live: riskd runs as omsd's own user {oms_user}; give it one of its own"
        ));
    }
    for path in [&options.dir, &options.venue_addr_file] {
        private(path, own)?;
    }
    for path in [Some(&options.reference), options.tighter.as_ref()]
        .into_iter()
        .flatten()
    {
        unchangeable(path, own)?;
    }
    lets_in(&options.socket, &oms, own)?;
    Ok(oms)
}

/// A file that holds limits: nobody but riskd's user and root may write it, or put another in its place.
fn unchangeable(path: &Path, own: u32) -> Result<(), String> {
    let fail = |err: std::io::Error| format!("{}: {err}", path.display());
    only_ours(path, own, false)?;
    // By the name that was given as well as by where a link leads.
    let given = std::path::absolute(path).map_err(fail)?;
    let real = std::fs::canonicalize(path).map_err(fail)?;
    for name in [given, real] {
        for (level, folder) in name.ancestors().skip(1).enumerate() {
            // Further up a sticky folder is enough: what is ours there cannot be renamed by others.
            only_ours(folder, own, level > 0)?;
        }
    }
    Ok(())
}

fn only_ours(path: &Path, own: u32, sticky_will_do: bool) -> Result<(), String> {
    let name = path.display();
    let meta = std::fs::metadata(path).map_err(|err| format!("{name}: {err}"))?;
    let mode = meta.permissions().mode() & 0o7777;
    if meta.uid() != own && meta.uid() != 0 {
        return Err(format!(
            "{name}: user {} can change it, and the limits with it; chown it to riskd's {own} or root",
            meta.uid()
        ));
    }
    if mode & 0o022 != 0 && !(sticky_will_do && mode & 0o1000 != 0) {
        return Err(format!(
            "{name}: mode {mode:04o} lets others change it, and the limits with it; chmod go-w it"
        ));
    }
    Ok(())
}

/// A file or folder that this user alone can read. A folder that is not there yet is made so.
fn private(path: &Path, own: u32) -> Result<(), String> {
    let name = path.display();
    let meta = match std::fs::metadata(path) {
        Ok(meta) => meta,
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(err) => return Err(format!("{name}: {err}")),
    };
    let mode = meta.permissions().mode() & 0o777;
    if meta.uid() != own {
        return Err(format!(
            "{name}: it belongs to user {}, not to riskd's {own}; chown it",
            meta.uid()
        ));
    }
    if mode & 0o077 != 0 {
        return Err(format!(
            "{name}: mode {mode:04o} lets others in; chmod go= it"
        ));
    }
    Ok(())
}

/// The link's folder lets omsd's user through, by its group, and nobody else.
fn lets_in(socket: &Path, oms: &OmsUser, own: u32) -> Result<(), String> {
    let folder = socket
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let name = folder.display();
    let meta = std::fs::metadata(folder).map_err(|err| format!("{name}: {err}"))?;
    let mode = meta.permissions().mode() & 0o777;
    if meta.uid() != own {
        return Err(format!(
            "{name}: the link's folder belongs to user {}, not to riskd's {own}; chown it",
            meta.uid()
        ));
    }
    if meta.gid() != oms.gid || mode & 0o010 == 0 {
        return Err(format!(
            "{name}: the link's folder does not let {} in; chgrp it to that user's group {} and chmod 2710 it",
            oms.name, oms.gid
        ));
    }
    if mode & 0o027 != 0 {
        return Err(format!(
            "{name}: mode {mode:04o} of the link's folder lets others in or omsd change it; chmod 2710 it"
        ));
    }
    Ok(())
}

/// Whether omsd's user can open the socket that was just made.
///
/// # Errors
/// One line, when the socket did not take its folder's group.
pub fn check_socket(path: &Path, oms: &OmsUser) -> Result<(), String> {
    let name = path.display();
    let meta = std::fs::metadata(path).map_err(|err| format!("socket {name}: {err}"))?;
    if meta.gid() == oms.gid {
        Ok(())
    } else {
        Err(format!(
            "socket {name}: it has group {}, not {}'s {}; chmod g+s its folder",
            meta.gid(),
            oms.name,
            oms.gid
        ))
    }
}

/// Refuses a peer that is not omsd's user, or that can reach more than its own machine.
///
/// # Errors
/// One line naming the user or the route.
pub fn check_peer(peer: &Peer, oms: &OmsUser) -> Result<(), String> {
    if peer.uid != oms.uid {
        return Err(format!(
            "user {} ({}) may not connect, only {} ({})",
            peer.uid, peer.name, oms.uid, oms.name
        ));
    }
    // An interface without a route is one command away from a route.
    let path = format!("/proc/{}/net/dev", peer.pid);
    let text = std::fs::read_to_string(&path)
        .map_err(|err| format!("{path}: {err}; omsd's interfaces must be readable"))?;
    if let Some(interface) = other_interface(&text) {
        return Err(format!(
            "{path}: omsd has the interface {interface}; run it in a network namespace with nothing but lo (tunl0 and sit0 stay out of new ones with net.core.fb_tunnels_only_for_init_net=1)"
        ));
    }
    for (table, routes) in [
        ("route", leaves_v4 as fn(&str) -> Option<String>),
        ("ipv6_route", leaves_v6),
    ] {
        let path = format!("/proc/{}/net/{table}", peer.pid);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            // A kernel without IPv6 has no table of its routes.
            Err(err) if table == "ipv6_route" && err.kind() == std::io::ErrorKind::NotFound => {
                continue;
            }
            Err(err) => return Err(format!("{path}: {err}; omsd's routes must be readable")),
        };
        if let Some(route) = routes(&text) {
            return Err(format!(
                "{path}: omsd has a route by {route}; run it in a network namespace with nothing but lo"
            ));
        }
    }
    Ok(())
}

/// An interface of `/proc/PID/net/dev` that is not loopback.
fn other_interface(text: &str) -> Option<String> {
    text.lines()
        .skip(2)
        .filter_map(|line| Some(line.split_once(':')?.0.trim()))
        .find(|interface| *interface != "lo")
        .map(str::to_string)
}

/// The device of a route of `/proc/PID/net/route` that is not loopback.
fn leaves_v4(text: &str) -> Option<String> {
    text.lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
        .find(|device| *device != "lo")
        .map(str::to_string)
}

/// The same of `/proc/PID/net/ipv6_route`. Reject routes, which lead nowhere, stand on lo as well.
fn leaves_v6(text: &str) -> Option<String> {
    text.lines()
        .filter_map(|line| line.split_whitespace().last())
        .find(|device| *device != "lo")
        .map(str::to_string)
}

fn find(accounts: &str, name: &str) -> Option<OmsUser> {
    accounts.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.len() >= 4 && fields[0] == name).then_some(())?;
        Some(OmsUser {
            name: name.to_string(),
            uid: fields[2].parse().ok()?,
            gid: fields[3].parse().ok()?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTES: &str = "Iface\tDestination\tGateway\tFlags\n";

    #[test]
    fn any_route_but_loopbacks_is_named() {
        assert_eq!(leaves_v4(ROUTES), None);
        assert_eq!(
            leaves_v4(&format!("{ROUTES}lo\t0000007F\t00000000\t0001\n")),
            None
        );
        let routed = format!("{ROUTES}lo\t0000007F\t0\t1\neth0\t00000000\t0102A8C0\t0003\n");
        assert_eq!(leaves_v4(&routed).as_deref(), Some("eth0"));
        let six = "00000000000000000000000000000001 80 0 00 0 0 0 0 80200001       lo\n";
        assert_eq!(leaves_v6(six), None);
        assert_eq!(
            leaves_v6(&six.replace("lo", "wlan0")).as_deref(),
            Some("wlan0")
        );
        assert_eq!(leaves_v6(""), None);
    }

    #[test]
    fn any_interface_but_loopback_is_named() {
        let head = "Inter-|   Receive  |  Transmit\n face |bytes packets|bytes\n";
        let lo = "    lo:       0       0    0\n";
        assert_eq!(other_interface(&format!("{head}{lo}")), None);
        let more = format!("{head}{lo}  eth0: 12 1 0\n");
        assert_eq!(other_interface(&more).as_deref(), Some("eth0"));
    }

    #[test]
    fn a_file_of_limits_that_others_can_write_or_replace_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let own = rustix::process::geteuid().as_raw();
        let set = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        let folder = dir.path().join("files");
        std::fs::create_dir(&folder).unwrap();
        let file = folder.join("tighter.json");
        std::fs::write(&file, "{}").unwrap();
        for (above, inside, mode, fine) in [
            (0o755, 0o755, 0o644, true),
            (0o1777, 0o755, 0o600, true),
            (0o755, 0o755, 0o664, false),
            (0o755, 0o755, 0o646, false),
            (0o755, 0o775, 0o644, false),
            (0o755, 0o1777, 0o644, false),
            (0o777, 0o755, 0o644, false),
        ] {
            set(dir.path(), above);
            set(&folder, inside);
            set(&file, mode);
            let done = unchangeable(&file, own);
            assert_eq!(done.is_ok(), fine, "{above:o} {inside:o} {mode:o} {done:?}");
        }
        set(dir.path(), 0o755);
        set(&folder, 0o755);
        set(&file, 0o644);
        // A link in a folder that anyone can write leads wherever anyone wants.
        let open = dir.path().join("open");
        std::fs::create_dir(&open).unwrap();
        set(&open, 0o777);
        std::os::unix::fs::symlink(&file, open.join("link")).unwrap();
        assert!(
            unchangeable(&open.join("link"), own)
                .unwrap_err()
                .contains("chmod go-w")
        );
    }

    #[test]
    fn a_user_is_found_by_the_whole_name() {
        let list =
            "root:x:0:0::/root:/bin/sh\nomsd:x:1001:1002::/:/bin/false\noms:x:x:1::/:/bin/false\n";
        let found = find(list, "omsd").unwrap();
        assert_eq!((found.uid, found.gid), (1001, 1002));
        assert_eq!(find(list, "oms"), None);
        assert_eq!(find(list, "omsd2"), None);
    }

    #[test]
    fn what_others_can_read_is_refused_and_what_is_not_there_is_made_so() {
        let dir = tempfile::tempdir().unwrap();
        let own = rustix::process::geteuid().as_raw();
        let file = dir.path().join("fix.addr");
        assert_eq!(private(&file, own), Ok(()));
        std::fs::write(&file, "h:1").unwrap();
        for (mode, fine) in [(0o600, true), (0o400, true), (0o640, false), (0o601, false)] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(private(&file, own).is_ok(), fine, "{mode:o}");
        }
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(
            private(&file, own + 1)
                .unwrap_err()
                .contains("belongs to user")
        );
    }

    #[test]
    fn the_links_folder_lets_omsds_group_through_and_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        let meta = std::fs::metadata(dir.path()).unwrap();
        let oms = OmsUser {
            name: "oms".into(),
            uid: meta.uid() + 1,
            gid: meta.gid(),
        };
        let socket = dir.path().join("risk.sock");
        for (mode, fine) in [
            (0o710, true),
            (0o2710, true),
            (0o700, false),
            (0o711, false),
            (0o750, true),
            (0o770, false),
            (0o755, false),
        ] {
            std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            let done = lets_in(&socket, &oms, meta.uid());
            assert_eq!(done.is_ok(), fine, "{mode:o} {done:?}");
        }
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o710)).unwrap();
        let other = OmsUser {
            gid: meta.gid() + 1,
            ..oms
        };
        assert!(
            lets_in(&socket, &other, meta.uid())
                .unwrap_err()
                .contains("does not let oms in")
        );
    }

    #[test]
    fn a_peer_of_another_user_is_refused_before_its_routes_are_looked_at() {
        let peer = Peer {
            uid: 7,
            pid: 1,
            name: "x".into(),
        };
        let oms = OmsUser {
            name: "oms".into(),
            uid: 8,
            gid: 8,
        };
        assert!(
            check_peer(&peer, &oms)
                .unwrap_err()
                .contains("only 8 (oms)")
        );
    }
}
