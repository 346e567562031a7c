//! Which program does what.

use super::options::Bad;

/// A program that only looks, but for some options.
pub struct Reader {
    /// Its name.
    pub name: &'static str,
    /// Options that run or write something.
    pub bad: Bad,
    /// More operands than these mean something else.
    pub operands: usize,
}

const ANY: usize = usize::MAX;

const fn plain(name: &'static str) -> Reader {
    but(name, "", &[])
}

const fn but(name: &'static str, letters: &'static str, long: &'static [&'static str]) -> Reader {
    Reader { name, bad: Bad { letters, long }, operands: ANY }
}

/// Programs that only look, whatever else they are given.
pub const READERS: &[Reader] = &[
    plain("basename"),
    but("base64", "oOD", &["--output"]),
    plain("cal"),
    plain("cat"),
    plain("cd"),
    plain("cksum"),
    plain("cmp"),
    plain("column"),
    plain("comm"),
    plain("cut"),
    but("date", "s", &["--set"]),
    plain("df"),
    but("diff", "l", &["--paginate"]),
    plain("dirname"),
    plain("du"),
    plain("echo"),
    plain("egrep"),
    plain("expand"),
    plain("expr"),
    plain("false"),
    but("fd", "xX", &["--exec", "--exec-batch"]),
    plain("fgrep"),
    but("file", "Czm", &["--compile", "--uncompress", "--magic-file", "--uncompress-noreport"]),
    plain("fold"),
    plain("fmt"),
    plain("getconf"),
    plain("grep"),
    plain("groups"),
    plain("head"),
    plain("hexdump"),
    Reader { name: "hostname", bad: Bad { letters: "Fb", long: &["--file", "--boot"] }, operands: 0 },
    plain("id"),
    plain("join"),
    but("jq", "", &["--in-place"]),
    plain("ls"),
    plain("md5sum"),
    plain("nl"),
    plain("nproc"),
    plain("od"),
    plain("paste"),
    Reader { name: "printf", bad: Bad { letters: "", long: &["-v"] }, operands: ANY },
    plain("ps"),
    plain("pwd"),
    plain("readlink"),
    plain("realpath"),
    plain("rev"),
    but("rg", "z", &["--pre", "--hostname-bin", "--search-zip", "--generate"]),
    plain("seq"),
    plain("sha1sum"),
    plain("sha256sum"),
    plain("sha512sum"),
    plain("sleep"),
    but("sort", "oTS", &["--output", "--compress-program", "--temporary-directory", "--buffer-size", "--files0-from"]),
    plain("stat"),
    plain("strings"),
    plain("tac"),
    plain("tail"),
    plain("test"),
    plain("tr"),
    but("tree", "oR", &["--output"]),
    plain("true"),
    plain("type"),
    plain("uname"),
    Reader { name: "uniq", bad: Bad { letters: "", long: &[] }, operands: 1 },
    plain("unexpand"),
    plain("wc"),
    plain("which"),
    plain("whoami"),
    Reader { name: "xxd", bad: Bad { letters: "r", long: &["-r"] }, operands: 1 },
];

/// Programs whose effect is not brought back.
pub const DESTRUCTIVE: &[&str] = &[
    "rm", "rmdir", "unlink", "shred", "wipefs", "mkfs", "mkswap", "fdisk", "parted", "kill", "pkill", "killall",
    "shutdown", "reboot", "halt", "poweroff",
];

/// Programs that act as somebody else.
pub const PRIVILEGED: &[&str] = &["sudo", "doas", "su", "pkexec", "runuser", "chroot", "nsenter", "systemd-run"];

/// The same by their second word.
pub const DESTRUCTIVE_VERBS: &[(&str, &[&str])] = &[
    ("docker", &["rm", "rmi", "prune", "system", "volume"]),
    ("podman", &["rm", "rmi", "prune", "system", "volume"]),
    ("kubectl", &["delete", "drain"]),
    ("cargo", &["yank"]),
    ("npm", &["unpublish"]),
    ("terraform", &["destroy", "apply"]),
    ("crontab", &["-r"]),
];

/// Programs for the network.
pub const NETWORK: &[&str] = &[
    "curl", "wget", "wget2", "fetch", "aria2c", "http", "https", "xh", "ssh", "scp", "sftp", "ftp", "rsync", "nc",
    "ncat", "netcat", "socat", "telnet", "ping", "dig", "host", "nslookup", "whois", "gh", "glab", "aws", "gcloud",
    "az", "kubectl", "helm", "apt", "apt-get", "dnf", "yum", "apk", "pacman", "brew", "snap", "flatpak", "npx", "bunx",
    "pipx", "uvx", "lynx", "w3m", "mail", "sendmail",
];

/// The same by their second word.
pub const NETWORK_VERBS: &[(&str, &[&str])] = &[
    ("cargo", &["add", "fetch", "install", "publish", "search", "update", "login", "owner", "info"]),
    ("npm", &["install", "i", "ci", "add", "update", "up", "publish", "view", "audit", "outdated", "search", "login"]),
    ("pnpm", &["install", "i", "add", "update", "up", "publish", "audit", "outdated", "dlx", "fetch"]),
    ("yarn", &["install", "add", "up", "upgrade", "publish", "audit", "dlx"]),
    ("bun", &["install", "i", "add", "update", "x"]),
    ("pip", &["install", "download", "index", "search", "wheel"]),
    ("pip3", &["install", "download", "index", "search", "wheel"]),
    ("uv", &["add", "sync", "lock", "pip", "tool", "publish"]),
    ("poetry", &["install", "add", "update", "lock", "publish"]),
    ("go", &["get", "install", "mod"]),
    ("gem", &["install", "update", "push"]),
    ("bundle", &["install", "update", "add"]),
    ("composer", &["install", "update", "require"]),
    ("docker", &["pull", "push", "login", "build", "run", "search"]),
    ("podman", &["pull", "push", "login", "build", "run", "search"]),
    ("rustup", &["update", "install", "toolchain", "target", "component"]),
];

/// Programs that create or change files and run nothing.
pub const WRITERS: &[&str] = &[
    "cp", "mv", "mkdir", "touch", "ln", "tee", "install", "chmod", "chown", "chgrp", "patch", "truncate", "split",
    "csplit", "unzip", "zip", "gzip", "gunzip", "bzip2", "xz", "zstd", "mktemp", "mkfifo", "mknod", "dd",
];
