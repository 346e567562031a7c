//! Where systems and toolchains keep their things: tables of paths, and why each stands in its table. An allow-list: a
//! place that is missing here costs a user one line of configuration, a place too many costs a secret.

use std::path::{Path, PathBuf};

/// Read by every worker. Not `/run` (sockets of daemons), not `/var` (mail, databases, sockets), not `/sys` as a whole.
pub(crate) const SYSTEM: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc",
    "/opt",
    "/nix/store",
    "/gnu/store",
    "/snap",
    "/home/linuxbrew/.linuxbrew",
    "/var/lib/dpkg",
    "/sys/devices/system",
    "/sys/fs/cgroup",
];

/// Hidden in spite of `/etc` being readable: for root the file modes alone would not keep them closed.
pub(crate) const SECRET: &[&str] = &[
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/ssh",
    "/etc/ssl/private",
    "/etc/krb5.keytab",
    "/etc/NetworkManager",
    "/etc/wireguard",
    "/etc/docker",
    "/etc/kubernetes",
    "/etc/rancher",
];

/// Name resolution and certificates, for a process with a network. The `/run` entries are where `/etc/resolv.conf` points to.
pub(crate) const RESOLUTION: &[&str] = &[
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/pki/tls",
    "/etc/pki/ca-trust",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/usr/lib",
    "/usr/lib64",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/NetworkManager/resolv.conf",
];

/// Toolchains below the user's home, read-only: what a host program later runs must not be written from inside.
/// Their parents are not listed where credentials lie beside them (`.cargo/credentials.toml`, `.m2/settings.xml`, `.npmrc`).
pub(crate) const HOME: &[&str] = &[
    ".cargo/bin",
    ".cargo/config",
    ".cargo/config.toml",
    ".cargo/env",
    ".rustup",
    ".nvm",
    ".volta",
    ".fnm",
    ".asdf",
    ".bun/bin",
    ".bun/install",
    ".deno/bin",
    ".pyenv",
    ".rye/shims",
    ".rye/py",
    ".conda/pkgs",
    "miniconda3",
    "miniforge3",
    "anaconda3",
    ".rbenv",
    ".rvm",
    ".gem/ruby",
    ".local/bin",
    ".local/lib",
    ".local/pipx",
    ".local/share/mise/installs",
    ".local/share/mise/shims",
    ".local/share/uv",
    ".local/share/fnm",
    ".local/share/virtualenv",
    ".sdkman/candidates",
    ".gradle/jdks",
    ".gradle/wrapper",
    ".dotnet",
    ".ghcup",
    ".cabal/bin",
    ".stack/programs",
    ".opam",
    ".elan",
    "go/bin",
    "sdk",
    ".cache/ms-playwright",
    ".cache/puppeteer",
];

/// Caches below the user's home that builds fill. They are read, and what a build writes there stays inside: a cache that could be
/// written for good would carry code out, into the next build of the person.
pub(crate) const CACHES: &[&str] = &[
    ".cargo/git",
    ".cargo/registry",
    ".npm/_cacache",
    ".npm/_npx",
    ".yarn/berry/cache",
    ".local/share/pnpm",
    ".m2/repository",
    ".gradle/caches",
    ".ivy2/cache",
    ".nuget/packages",
    ".cabal/packages",
    ".julia/packages",
    ".pub-cache/hosted",
    "go/pkg",
    ".cache/bazel",
    ".cache/ccache",
    ".cache/coursier",
    ".cache/deno",
    ".cache/go-build",
    ".cache/node",
    ".cache/node-gyp",
    ".cache/pip",
    ".cache/pnpm",
    ".cache/pre-commit",
    ".cache/pypoetry",
    ".cache/typescript",
    ".cache/uv",
    ".cache/yarn",
    ".cache/zig",
];

/// Closed inside a worktree, also before they exist: git's own and ours.
pub(crate) const CLOSED: &[&str] = &[".git", ".ace"];

/// Closed inside a worktree if they are there: programs outside run what stands in them.
pub(crate) const CLOSED_IF_THERE: &[&str] = &[".vscode", ".idea", ".zed", ".envrc", ".devcontainer"];

/// The temporary folders that all share; a view has its own in their place.
pub(crate) const TEMPORARY: [&str; 2] = ["/tmp", "/var/tmp"];

/// The devices a worker gets. Never all of `/dev`: root keeps its uid inside, and would open the disks.
pub(crate) const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];

/// Entries of `folder` that only their owner or group may read. Root keeps its uid inside and owns them, so that the mode
/// would not stop it; for anyone else hiding them changes nothing. One level, unreadable folders give nothing.
pub(crate) fn closed_to_others(folder: &Path) -> Vec<PathBuf> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let Ok(entries) = std::fs::read_dir(folder) else {
            return Vec::new();
        };
        entries
            .flatten()
            .filter(|entry| {
                entry.metadata().is_ok_and(|meta| !meta.is_symlink() && meta.permissions().mode() & 0o004 == 0)
            })
            .map(|entry| entry.path())
            .collect()
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        Vec::new()
    }
}
