//! A profile as macOS reads it: rules in the language of its sandbox (Seatbelt), in which the last one that fits decides. A pure
//! function over the profile; who applies the text is the system's own call, in [`crate::enter`] there.
//!
//! What Seatbelt cannot give and Linux can: a loopback of one's own (so there is no network at all without a proxy), layers over
//! caches (they are only read), a private home in memory (it is closed), process numbers and a view of one's own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::{Access, Network, Profile};

/// Read by every program there: the system, its frameworks, and what a shell looks at when it starts.
const SYSTEM: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/opt",
    "/System",
    "/Library/Apple",
    "/Library/Developer",
    "/Library/Frameworks",
    "/Applications/Xcode.app",
    "/private/etc",
    "/private/var/db/dyld",
    "/private/var/db/timezone",
    "/private/var/select",
    "/dev/null",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
    "/dev/fd",
];

/// Of those, what may be written to.
const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/tty"];

/// What a process that starts others needs besides files.
const HOSTING: &str = "(allow process-fork)
(allow process-exec)
(allow signal (target same-sandbox))
(allow process-info* (target same-sandbox))
(allow pseudo-tty)
(allow file-read* file-write* file-ioctl (literal \"/dev/ptmx\") (regex #\"^/dev/ttys[0-9]+\"))
(allow ipc-posix-sem)
";

/// What resolving a name needs.
const RESOLVING: &str = "(allow network-outbound (literal \"/private/var/run/mDNSResponder\"))
(allow mach-lookup (global-name \"com.apple.SystemConfiguration.DNSConfiguration\"))
(allow mach-lookup (global-name \"com.apple.trustd.agent\"))
";

/// The text for a profile whose grants have these real paths; a closed one need not be there. `proxy` is the port on this machine
/// that is the only way out, if there is one.
pub(crate) fn seatbelt(profile: &Profile, entries: &BTreeMap<PathBuf, Access>, proxy: Option<u16>) -> String {
    let mut text = String::from("(version 1)\n(deny default)\n(allow sysctl-read)\n(allow file-read-metadata)\n");
    let mut rule = |verdict: &str, what: &str, path: &Path| {
        text.push_str(&format!("({verdict} {what} (subpath {}))\n", quoted(path)));
    };
    SYSTEM.iter().for_each(|path| rule("allow", "file-read*", Path::new(path)));
    DEVICES.iter().for_each(|path| rule("allow", "file-write*", Path::new(path)));
    // Parents first: the longest path that covers a file is then the last that fits.
    for (path, access) in entries {
        match access {
            Access::Hidden | Access::Private => rule("deny", "file-read* file-write*", path),
            Access::Read | Access::Layered => {
                rule("allow", "file-read*", path);
                rule("deny", "file-write*", path);
            }
            Access::Write => rule("allow", "file-read* file-write*", path),
        }
    }
    if let Some(tmp) = &profile.tmp {
        rule("allow", "file-read* file-write*", tmp);
    }
    if profile.hosts {
        text.push_str(HOSTING);
    }
    match (profile.network, proxy) {
        (Network::Full, _) => {
            text.push_str("(allow network-outbound (remote ip \"*:*\"))\n(allow system-socket)\n");
            text.push_str(RESOLVING);
        }
        // The loopback is the machine's own, with all that listens there.
        (_, Some(port)) => text.push_str(&format!("(allow network-outbound (remote ip \"localhost:{port}\"))\n")),
        (Network::Loopback | Network::None, None) => {}
    }
    if profile.unix_sockets {
        text.push_str("(allow network* (remote unix-socket) (local unix-socket))\n");
    }
    text
}

/// A path between double quotes.
fn quoted(path: &Path) -> String {
    let mut out = String::from("\"");
    for c in path.to_string_lossy().chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Worker;

    fn seatbelt(profile: &Profile, proxy: Option<u16>) -> String {
        let entries = profile.grants.iter().map(|grant| (grant.path.clone(), grant.access)).collect();
        super::seatbelt(profile, &entries, proxy)
    }

    /// The verdict of the last rule that fits, as the system reads them.
    fn allows(text: &str, what: &str, path: &str) -> bool {
        let fits = |line: &&str| {
            let named = line.split_once("(subpath \"").and_then(|(_, rest)| rest.strip_suffix("\"))"));
            line.contains(what) && named.is_some_and(|named| Path::new(path).starts_with(named))
        };
        text.lines().rfind(fits).is_some_and(|line| line.starts_with("(allow"))
    }

    fn worker() -> Profile {
        Profile::worker(&Worker {
            worktree: "/Users/u/.ace/worktrees/w".into(),
            home: "/Users/u".into(),
            ace_home: "/Users/u/.ace".into(),
            tmp: Some("/Users/u/.ace/tmp/s".into()),
            ..Worker::default()
        })
    }

    #[test]
    fn p37_a_worker_writes_its_worktree_and_reads_no_secret() {
        let text = seatbelt(&worker(), None);
        assert!(text.starts_with("(version 1)\n(deny default)\n"));
        let (read, write) = ("file-read*", "file-write*");
        for path in ["/Users/u/.ace/worktrees/w/src/a", "/Users/u/.ace/tmp/s/x", "/dev/null"] {
            assert!(allows(&text, write, path), "{path}");
        }
        for path in ["/usr/bin/cc", "/System/Library/x", "/Users/u/.cargo/registry/x", "/Users/u/.rustup/x"] {
            assert!(allows(&text, read, path) && !allows(&text, write, path), "{path}");
        }
        for path in
            ["/Users/u/.ssh/id", "/Users/u/.ace/sessions/s/log.jsonl", "/Users/u/.zshrc", "/Users/v/x", "/tmp/x"]
        {
            assert!(!allows(&text, read, path) && !allows(&text, write, path), "{path}");
        }
        for path in ["/Users/u/.ace/worktrees/w/.git", "/Users/u/.ace/worktrees/w/.ace/config.toml"] {
            assert!(!allows(&text, write, path), "{path}");
        }
        assert!(!text.contains("network"), "{text}");
    }

    #[test]
    fn p37_the_network_is_as_wide_as_the_profile() {
        let text = seatbelt(&worker(), Some(4711));
        assert!(text.contains("(remote ip \"localhost:4711\")") && !text.contains("*:*"));
        let text = seatbelt(&Profile::fetch(), None);
        assert!(text.contains("(remote ip \"*:*\")") && !text.contains("process-exec"));
        assert!(!seatbelt(&Profile::reader(), None).contains("network"));
    }

    #[test]
    fn p37_a_path_cannot_end_its_quotes() {
        let profile = Profile::reader().read("/a\"))(allow default)(x \"\\");
        let text = seatbelt(&profile, None);
        assert!(text.contains(r#"(subpath "/a\"))(allow default)(x \"\\")"#), "{text}");
    }

    #[test]
    fn parentheses_match() {
        let text = seatbelt(&worker().online(), Some(1));
        let depth = text.chars().fold(0_i32, |depth, c| depth + i32::from(c == '(') - i32::from(c == ')'));
        assert_eq!(depth, 0);
    }
}
