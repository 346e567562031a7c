//! Where a path leads by its text alone. Links and races are the sandbox's work; this says no early and in words.

/// Folders that git and ace believe: what is written there runs or decides later.
const PROTECTED: &[&str] = &[".git", ".ace"];

/// Where a path leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Within the working directory or the session's temporary folder.
    Inside,
    /// The same, but in a folder that git or ace believes.
    Protected,
    /// Anywhere else, or nowhere.
    Outside,
}

/// Where `path` leads, seen from `cwd`. Absolute paths, `..`, `~` and `file:` are read as what they could mean.
pub fn reach(path: &str, cwd: &str, tmp: &str) -> Reach {
    if path.starts_with('~') || path.contains('\0') || path.get(..5).is_some_and(|p| p.eq_ignore_ascii_case("file:")) {
        return Reach::Outside;
    }
    let Some(whole) = resolve(path, cwd) else { return Reach::Outside };
    let below = |folder: &str| {
        let folder = resolve(folder, "/").filter(|f| !f.is_empty() && folder.starts_with('/'))?;
        whole.starts_with(&folder).then_some(folder.len())
    };
    match below(cwd).or_else(|| below(tmp)) {
        Some(depth) if whole[depth..].iter().any(|part| is_protected(part)) => Reach::Protected,
        Some(_) => Reach::Inside,
        None => Reach::Outside,
    }
}

/// The parts of the absolute path; `None` if it climbs above the root or `cwd` is not absolute.
pub fn resolve<'a>(path: &'a str, cwd: &'a str) -> Option<Vec<&'a str>> {
    let base = if path.starts_with('/') { "" } else { cwd.starts_with('/').then_some(cwd)? };
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts)
}

/// Whether the path names a folder that git or ace believes, wherever it begins.
pub fn names_protected(path: &str) -> bool {
    path.split('/').any(is_protected)
}

/// As file systems that fold case and drop dots and spaces at the end would take it.
fn is_protected(part: &str) -> bool {
    let part = part.trim_end_matches(['.', ' ']);
    PROTECTED.iter().any(|p| part.eq_ignore_ascii_case(p))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expect: Reach) {
        assert_eq!(reach(path, "/home/u/w", "/tmp/ace-1"), expect, "{path:?}");
    }

    #[test]
    fn a01_a02_paths_by_their_text() {
        for path in [
            "a",
            "./a/b",
            "a/../b",
            "",
            ".",
            "/home/u/w",
            "/home/u/w/a",
            "/tmp/ace-1/out",
            ".github/x",
            ".gitignore",
            "a..b",
        ] {
            check(path, Reach::Inside);
        }
        for path in [
            "..",
            "../w2/a",
            "../../etc/passwd",
            "/etc/passwd",
            "/home/u/w2",
            "/home/u/wx",
            "~",
            "~/.ssh/id",
            "file:///etc/passwd",
            "FILE:/etc/passwd",
            "/proc/self/root/etc/passwd",
            "/tmp/ace-10/x",
            "a/../../../..",
            "/../..",
            "a\0b",
            "//etc//passwd",
        ] {
            check(path, Reach::Outside);
        }
        for path in [
            ".git",
            ".git/hooks/pre-commit",
            "sub/.git/config",
            ".GIT/config",
            ".ace/config.toml",
            ".git./config",
            "a/../.ace",
        ] {
            check(path, Reach::Protected);
        }
    }

    #[test]
    fn a_relative_or_root_working_directory_holds_nothing() {
        assert_eq!(reach("a", "", ""), Reach::Outside);
        assert_eq!(reach("a", "w", "tmp"), Reach::Outside);
        assert_eq!(reach("/etc/passwd", "/", "/"), Reach::Outside);
    }
}
