//! What a person could allow, told where a command failed because the sandbox did not: read off what programs say when a host cannot
//! be found or a path cannot be reached. A pure function over the text; it looks at no file, so it tells nobody what exists.

use ace_schema::permission::Confinement;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Bytes at the end of an output that are looked through, and what is told at most.
const LOOKED: usize = 8 << 10;
const HINTS: usize = 4;

/// What stands before a host that could not be found: curl and git, node, go, python, wget.
const UNKNOWN_HOST: &[&str] = &[
    "Could not resolve host: ",
    "Could not resolve hostname ",
    "getaddrinfo EAI_AGAIN ",
    "getaddrinfo ENOTFOUND ",
    "dial tcp: lookup ",
    "Failed to resolve '",
    "unable to resolve host address '",
    "unable to resolve host address \u{2018}",
    "failed to lookup address information: ",
];

/// What stands behind a path that may not be written.
const CLOSED: &[&str] =
    &["Read-only file system", "read-only file system", "Permission denied", "permission denied", "EROFS", "EACCES"];

/// What stands behind a path that is not there, or not shown.
const ABSENT: &[&str] = &["No such file or directory", "no such file or directory", "ENOENT"];

/// Parts of paths that nobody should open to tools because a command asked for it.
const SECRET: &[&str] = &[
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".kube",
    ".docker",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".config",
    ".password-store",
];

/// Where tools work, and what they reach.
pub struct Ground {
    /// The worktree.
    pub root: PathBuf,
    /// The session's temporary folder.
    pub tmp: PathBuf,
    /// The person's home; empty if there is none.
    pub home: PathBuf,
    /// The home of ace.
    pub ace_home: PathBuf,
    /// The profile of the sandbox.
    pub profile: Confinement,
}

/// What would have let a failed command go on, a line each; empty if nothing is known.
pub fn hints(output: &str, ground: &Ground) -> String {
    if ground.profile == Confinement::Off {
        return String::new();
    }
    let tail = &output[output.floor_char_boundary(output.len().saturating_sub(LOOKED))..];
    let mut told = BTreeSet::new();
    for line in tail.lines() {
        if let Some(host) = host_of(line).filter(|_| ground.profile != Confinement::Network) {
            told.insert(format!(
                "[{host} is not reached: tools have no network here; sandbox.profile = \"network\" and sandbox.hosts = [\"{host}\"] \
                 in the person's configuration, or --sandbox network, would allow it]\n"
            ));
        } else if let Some(folder) = path_before(line, CLOSED).and_then(|path| outside(&path, ground)) {
            told.insert(format!(
                "[{0} is not written by tools; sandbox.write = [\"{0}\"] in the person's configuration would allow it]\n",
                folder.display()
            ));
        } else if let Some(folder) = path_before(line, ABSENT)
            .filter(|path| !ground.home.as_os_str().is_empty() && path.starts_with(&ground.home))
            .and_then(|path| outside(&path, ground))
        {
            told.insert(format!(
                "[if {0} is there, tools do not see it; sandbox.read = [\"{0}\"] in the person's configuration would show it]\n",
                folder.display()
            ));
        }
    }
    told.into_iter().take(HINTS).collect()
}

fn host_of(line: &str) -> Option<&str> {
    let rest = UNKNOWN_HOST.iter().find_map(|mark| line.split_once(mark).map(|(_, rest)| rest))?;
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))).unwrap_or(rest.len());
    Some(rest[..end].trim_end_matches('.')).filter(|host| host.contains('.') && host.len() <= 253)
}

/// The whole path that a line names: `cp: cannot create '/a/b': Read-only file system`, `open /a/b: permission denied`, node's
/// `EROFS: …, open '/a/b'`.
fn path_before(line: &str, marks: &[&str]) -> Option<PathBuf> {
    let at = marks.iter().filter_map(|mark| line.find(mark)).min()?;
    let is_node = line[at..].starts_with('E');
    let text = if is_node { &line[at..] } else { &line[..at] };
    let opens = |(at, _): &(usize, &str)| {
        text[..*at]
            .chars()
            .next_back()
            .is_none_or(|before| before.is_whitespace() || "'\"`\u{2018}([:".contains(before))
    };
    let from = text.match_indices('/').find(opens)?.0;
    let rest = &text[from..];
    let quoted = text[..from].chars().next_back().filter(|c| "'\"`\u{2018}".contains(*c));
    let end = match quoted {
        Some('\u{2018}') => rest.find('\u{2019}'),
        Some(quote) => rest.find(quote),
        None => rest.find(|c: char| c.is_whitespace() || c == ':'),
    };
    let path = Path::new(&rest[..end.unwrap_or(rest.len())]);
    let is_plain = path.components().all(|part| !matches!(part, std::path::Component::ParentDir))
        && !rest[..end.unwrap_or(rest.len())].contains(|c: char| c.is_control() || c == '"' || c == '\\');
    (is_plain && path.components().count() > 2).then(|| path.to_owned())
}

/// The folder to name for a path, if it is one that a person might open.
fn outside(path: &Path, ground: &Ground) -> Option<PathBuf> {
    let is_ours = [&ground.root, &ground.tmp, &ground.ace_home].iter().any(|own| path.starts_with(own));
    let is_secret = path.iter().any(|part| part.to_str().is_some_and(|part| SECRET.contains(&part)));
    let is_system = ["/proc", "/sys", "/dev", "/etc", "/usr", "/bin", "/lib", "/sbin", "/boot"]
        .iter()
        .any(|system| path.starts_with(system));
    let folder = path.parent()?;
    (!is_ours && !is_secret && !is_system && folder != ground.home && folder.parent().is_some())
        .then(|| folder.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(output: &str) -> String {
        told_in(output, Confinement::Workspace)
    }

    fn told_in(output: &str, profile: Confinement) -> String {
        let path = PathBuf::from;
        let (root, tmp, home, ace_home) =
            (path("/home/u/.ace/worktrees/w"), path("/home/u/.ace/tmp/s"), path("/home/u"), path("/home/u/.ace"));
        hints(output, &Ground { root, tmp, home, ace_home, profile })
    }

    #[test]
    fn a_host_is_named_as_programs_say_it() {
        for said in [
            "curl: (6) Could not resolve host: example.org",
            "fatal: unable to access 'https://example.org/x/': Could not resolve host: example.org",
            "npm error request to https://example.org/x failed, reason: getaddrinfo EAI_AGAIN example.org",
            "x: Get \"https://example.org/\": dial tcp: lookup example.org on 1.1.1.1:53: connection refused",
            "Failed to establish: Failed to resolve 'example.org' ([Errno -3])",
            "  [6] Could not resolve hostname (Could not resolve host: example.org)",
        ] {
            let hint = told(said);
            assert!(
                hint.contains("sandbox.hosts = [\"example.org\"]") && hint.contains("\"network\""),
                "{said}: {hint}"
            );
        }
        assert_eq!(told_in("Could not resolve host: example.org", Confinement::Network), "");
        assert_eq!(told_in("Could not resolve host: example.org", Confinement::Off), "");
    }

    #[test]
    fn a_path_is_named_with_what_would_open_it() {
        for (said, hint) in [
            ("cp: cannot create regular file '/srv/data/x': Read-only file system", "sandbox.write = [\"/srv/data\"]"),
            ("sh: 1: cannot create /home/u/out/x: Permission denied", "sandbox.write = [\"/home/u/out\"]"),
            ("touch: cannot touch \u{2018}/srv/a b/x\u{2019}: Permission denied", "sandbox.write = [\"/srv/a b\"]"),
            ("open /srv/data/x: read-only file system", "sandbox.write = [\"/srv/data\"]"),
            ("Error: EROFS: read-only file system, open '/srv/data/x'", "sandbox.write = [\"/srv/data\"]"),
            ("cat: /home/u/data/file: No such file or directory", "sandbox.read = [\"/home/u/data\"]"),
        ] {
            assert!(told(said).contains(hint), "{said}: {}", told(said));
        }
    }

    #[test]
    fn nothing_is_offered_that_should_stay_closed() {
        for said in [
            "cat: /home/u/.ssh/id: No such file or directory",
            "sh: 1: cannot create /home/u/.bashrc: Permission denied",
            "cat: /etc/shadow: Permission denied",
            "cannot create /home/u/.ace/worktrees/w/.git/config: Read-only file system",
            "cannot create /home/u/.ace/sessions/s/log.jsonl: Permission denied",
            "cat: src/nothing.c: No such file or directory",
            "cannot create /x: Permission denied",
            "cannot create /srv/../etc/x: Permission denied",
            "Could not resolve host: ",
            "error: linker failed",
        ] {
            assert_eq!(told(said), "", "{said}");
        }
    }

    #[test]
    fn few_are_told_and_each_once() {
        let all: String = (0..50).map(|n| format!("cannot create /srv/{n}/x: Permission denied\n")).collect();
        assert_eq!(told(&all).lines().count(), HINTS);
        assert_eq!(told(&"cannot create /srv/a/x: Permission denied\n".repeat(9)).lines().count(), 1);
    }
}
