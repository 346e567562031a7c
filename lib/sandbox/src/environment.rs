//! A child's environment, built from an allow-list. A pure function: it reads no variable itself and knows no program.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// What every child gets if it is set: who and where it is, how it speaks, where its toolchains lie. A name that ends in `*`
/// stands for all that begin so. `LD_LIBRARY_PATH` is here because programs outside the system folders do not start without;
/// it comes from the person who started us, and its entries are cleaned like those of `PATH`.
pub const CORE: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TERM",
    "COLORTERM",
    "NO_COLOR",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "GOPATH",
    "GOROOT",
    "GOMODCACHE",
    "GOCACHE",
    "GOFLAGS",
    "JAVA_HOME",
    "ANDROID_HOME",
    "PYENV_ROOT",
    "PYENV_VERSION",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "NVM_DIR",
    "NVM_BIN",
    "VOLTA_HOME",
    "PNPM_HOME",
    "BUN_INSTALL",
    "RBENV_ROOT",
    "ASDF_DIR",
    "ASDF_DATA_DIR",
    "MISE_DATA_DIR",
    "DOTNET_ROOT",
    "XDG_CACHE_HOME",
    "npm_config_cache",
    "PIP_CACHE_DIR",
    "UV_CACHE_DIR",
    "XDG_DATA_HOME",
    "CC",
    "CXX",
    "PKG_CONFIG_PATH",
];

/// Never handed on, whatever allows them: parts of a name that say "secret".
const SECRET_PARTS: &[&str] =
    &["KEY", "SECRET", "TOKEN", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "COOKIE", "DSN"];

/// Never handed on: names under which secrets and the ways to them are known. A `*` at the end stands for any rest.
const SECRETS: &[&str] =
    &["SSH_*", "GPG_*", "DBUS_*", "DOCKER_*", "KUBECONFIG", "AWS_*", "AZURE_*", "GOOGLE_*", "DATABASE_URL"];

/// Never handed on: names that make a program run or obey something else. A `*` at the end stands for any rest.
const STEERING: &[&str] = &[
    "GIT_*",
    "BASH_ENV",
    "BASH_FUNC_*",
    "ENV",
    "ZDOTDIR",
    "PROMPT_COMMAND",
    "PS4",
    "IFS",
    "CDPATH",
    "SHELLOPTS",
    "BASHOPTS",
    "LD_PRELOAD",
    "LD_AUDIT",
    "LD_DEBUG*",
    "LD_PROFILE*",
    "DYLD_*",
    "GCONV_PATH",
    "PYTHONSTARTUP",
    "PYTHONPATH",
    "PYTHONHOME",
    "PERL5OPT",
    "PERL5LIB",
    "RUBYOPT",
    "NODE_OPTIONS",
    "JAVA_TOOL_OPTIONS",
    "_JAVA_OPTIONS",
    "PAGER",
    "EDITOR",
    "VISUAL",
    "BROWSER",
    "LESSOPEN",
    "LESSCLOSE",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
];

/// Variables whose value is a list of folders in which programs or libraries are looked for.
const SEARCHED: &[&str] = &["PATH", "LD_LIBRARY_PATH", "PKG_CONFIG_PATH"];

/// The environment for a child: of `vars` those that [`CORE`] or `allow` names and that are neither secret nor steering, then
/// `extra` on top, which is taken as it is because its values are ours. From lists of folders the entries that are relative,
/// empty or inside `worktree` are taken out, so that a program of the repository never stands in for one of the system.
/// Sorted by name, each name once. Names in `allow` may end in `*`.
pub fn environment(
    worktree: &Path,
    allow: &[&str],
    vars: impl IntoIterator<Item = (OsString, OsString)>,
    extra: impl IntoIterator<Item = (OsString, OsString)>,
) -> Vec<(OsString, OsString)> {
    let mut kept = BTreeMap::new();
    for (name, value) in vars {
        let Some(text) = name.to_str() else { continue };
        if !(listed(CORE, text) || listed(allow, text)) || is_refused(text) {
            continue;
        }
        if SEARCHED.contains(&text) {
            let value = cleaned(worktree, &value);
            if !value.is_empty() {
                kept.insert(name, value);
            }
        } else {
            kept.insert(name, value);
        }
    }
    kept.extend(extra);
    kept.into_iter().collect()
}

fn listed(table: &[&str], name: &str) -> bool {
    table.iter().any(|entry| match entry.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => *entry == name,
    })
}

/// Whether a variable of that name looks as if it held a secret, or the way to one. [`environment`] hands on none of these,
/// so a process that was given what it returns finds none.
pub fn is_secret(name: &OsStr) -> bool {
    let upper = name.to_string_lossy().to_ascii_uppercase();
    SECRET_PARTS.iter().any(|part| upper.contains(part)) || listed(SECRETS, &upper)
}

/// Whether the value of a variable of that name looks as if it were a secret itself, not only the way to one.
pub fn holds_secret(name: &OsStr) -> bool {
    let upper = name.to_string_lossy().to_ascii_uppercase();
    SECRET_PARTS.iter().any(|part| upper.contains(part))
        || upper.ends_with("DATABASE_URL")
        || upper.ends_with("REDIS_URL")
}

fn is_refused(name: &str) -> bool {
    is_secret(OsStr::new(name)) || listed(STEERING, &name.to_ascii_uppercase())
}

fn cleaned(worktree: &Path, value: &OsStr) -> OsString {
    let entries = std::env::split_paths(value)
        .filter(|entry| entry.is_absolute() && !entry.starts_with(worktree))
        .filter(|entry| !entry.components().any(|part| part == std::path::Component::ParentDir));
    std::env::join_paths(entries).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(allow: &[&str], vars: &[(&str, &str)]) -> Vec<String> {
        let pairs = vars.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        environment(Path::new("/w/t"), allow, pairs, [])
            .into_iter()
            .map(|(name, value)| format!("{}={}", name.to_string_lossy(), value.to_string_lossy()))
            .collect()
    }

    #[test]
    fn only_listed_names_pass() {
        assert_eq!(build(&[], &[("HOME", "/h"), ("LC_TIME", "C"), ("FOO", "1")]), ["HOME=/h", "LC_TIME=C"]);
        assert_eq!(build(&["FOO", "B*"], &[("FOO", "1"), ("BAR", "2"), ("BAZ", "3")]), ["BAR=2", "BAZ=3", "FOO=1"]);
    }

    #[test]
    fn a28_p51_secrets_never_pass_even_if_allowed() {
        let vars = [
            ("ANTHROPIC_API_KEY", "x"),
            ("my_secret", "x"),
            ("GH_TOKEN", "x"),
            ("DB_PASSWORD", "x"),
            ("AWS_PROFILE", "x"),
            ("DATABASE_URL", "x"),
            ("SSH_AUTH_SOCK", "x"),
            ("GIT_SSH_COMMAND", "x"),
            ("LC_TOKEN", "x"),
        ];
        assert!(build(&["*"], &vars).is_empty());
    }

    #[test]
    fn p51_what_was_cleaned_once_holds_no_secret_to_clean() {
        let names =
            ["PATH", "HOME", "SSH_AUTH_SOCK", "my_token", "ACE_TOKEN", "ACE_HOME", "XDG_X", "EDITOR", "PGPASSWORD"];
        let vars = names.map(|name| (OsString::from(name), OsString::from("/x")));
        let kept = environment(Path::new("/w"), &["ACE_*", "XDG_*", "*"], vars, []);
        assert!(!kept.is_empty() && kept.iter().all(|(name, _)| !is_secret(name)), "{kept:?}");
        assert!(is_secret(OsStr::new("SSH_AUTH_SOCK")) && !is_secret(OsStr::new("EDITOR")));
    }

    #[test]
    fn p10_variables_that_steer_programs_never_pass() {
        let vars = [("BASH_ENV", "x"), ("LD_PRELOAD", "x"), ("NODE_OPTIONS", "x"), ("BASH_FUNC_ls%%", "() { id; }")];
        assert!(build(&["*"], &vars).is_empty());
    }

    #[test]
    fn p38_path_entries_of_the_worktree_are_taken_out() {
        let path = "/w/t/bin:/usr/bin::bin:/w/t:/w/tt:/usr/../w/t";
        assert_eq!(build(&[], &[("PATH", path)]), ["PATH=/usr/bin:/w/tt"]);
        assert!(build(&[], &[("LD_LIBRARY_PATH", "/w/t/lib")]).is_empty());
    }

    #[test]
    fn p53_a_library_path_of_the_user_passes() {
        assert_eq!(build(&[], &[("LD_LIBRARY_PATH", "/opt/lib")]), ["LD_LIBRARY_PATH=/opt/lib"]);
    }

    #[test]
    fn extra_wins_and_each_name_stands_once() {
        let vars = [("TMPDIR".into(), "/tmp".into()), ("TMPDIR".into(), "/var/tmp".into())];
        let built = environment(Path::new("/w"), &[], vars, [("TMPDIR".into(), "/s".into())]);
        assert_eq!(built, [(OsString::from("TMPDIR"), OsString::from("/s"))]);
    }
}
