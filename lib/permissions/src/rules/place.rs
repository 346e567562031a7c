//! Path patterns: below the worktree, or absolute. A name without a slash is meant in every folder.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::path::resolve;

/// Patterns of one rule.
#[derive(Debug, Clone)]
pub struct Places {
    /// As written, for allowing: letters as they are.
    exact: GlobSet,
    /// The same for denying: large and small letters alike.
    loose: GlobSet,
    literal: usize,
    patterns: Vec<String>,
}

impl Places {
    /// Reads patterns.
    pub fn parse(patterns: &[String]) -> Result<Self, String> {
        let set = |loose: bool| {
            let mut set = GlobSetBuilder::new();
            for pattern in patterns {
                for whole in forms(pattern) {
                    let glob = GlobBuilder::new(&whole).literal_separator(true).case_insensitive(loose).build();
                    set.add(glob.map_err(|e| format!("'{pattern}' is no path pattern: {}", e.kind()))?);
                }
            }
            set.build().map_err(|e| e.kind().to_string())
        };
        if let Some(empty) = patterns.iter().find(|p| p.trim().is_empty() || p.split('/').any(|part| part == "..")) {
            return Err(format!("'{empty}' is no path pattern: below the worktree without '..', or absolute"));
        }
        let until = |p: &String| p.find(['*', '?', '[', '{']).unwrap_or(p.len());
        Ok(Self {
            exact: set(false)?,
            loose: set(true)?,
            literal: patterns.iter().map(until).min().unwrap_or(0),
            patterns: patterns.to_vec(),
        })
    }

    /// Letters before the first wildcard of the widest pattern.
    pub fn literal(&self) -> usize {
        self.literal
    }

    /// Whether an allowing rule covers the path.
    pub fn covers(&self, path: &str, cwd: &str) -> bool {
        names(path, cwd)
            .is_some_and(|(whole, below)| below.is_some_and(|b| self.exact.is_match(b)) || self.exact.is_match(whole))
    }

    /// Whether a denying or asking rule is met by the path or by a folder above it.
    pub fn meets(&self, path: &str, cwd: &str) -> bool {
        let Some((whole, below)) = names(path, cwd) else { return false };
        let up = |path: &str| {
            let ends = path.char_indices().filter(|(at, c)| *c == '/' && *at > 0).map(|(at, _)| at).chain([path.len()]);
            ends.into_iter().any(|end| self.loose.is_match(&path[..end]))
        };
        below.is_some_and(|b| up(&b)) || up(&whole)
    }

    /// Whether a word that the shell would put names in its place for could stand for such a path.
    pub fn could_meet(&self, word: &str, made_up: bool, cwd: &str) -> bool {
        if made_up {
            return true;
        }
        let Some((_, Some(below))) = names(word, cwd) else { return true };
        let matches = |glob: &str, name: &str| {
            let built = GlobBuilder::new(glob).literal_separator(true).case_insensitive(true).build();
            built.map_or(true, |g| g.compile_matcher().is_match(name))
        };
        // A folder above counts as well. A pattern against a pattern is not decided here: it could be.
        let above: Vec<&str> = below.match_indices('/').map(|(at, _)| &below[..at]).chain([below.as_str()]).collect();
        self.patterns.iter().any(|pattern| {
            let name = pattern.trim_end_matches('/').trim_start_matches("./");
            let part = |path: &str| path.rsplit('/').next().is_some_and(|last| matches(last, name));
            pattern.contains(['*', '?', '[', '{'])
                || above.iter().any(|path| if name.contains('/') { matches(path, name) } else { part(path) })
        })
    }
}

/// The globs of one pattern, as paths below the worktree or absolute ones are written.
fn forms(pattern: &str) -> Vec<String> {
    let (body, folder) = match pattern.strip_suffix('/') {
        Some(body) => (body, true),
        None => (pattern, false),
    };
    let body = body.strip_prefix("./").unwrap_or(body);
    let base = match body {
        absolute if absolute.starts_with('/') => absolute.to_owned(),
        path if path.contains('/') => path.to_owned(),
        name => format!("**/{name}"),
    };
    if folder { vec![format!("{base}/**"), base] } else { vec![base] }
}

/// The absolute path, and the path below the worktree if it lies there.
fn names(path: &str, cwd: &str) -> Option<(String, Option<String>)> {
    let parts = resolve(path, cwd)?;
    let root = resolve(cwd, "/")?;
    let below = parts.starts_with(&root).then(|| parts[root.len()..].join("/"));
    Some((format!("/{}", parts.join("/")), below))
}
