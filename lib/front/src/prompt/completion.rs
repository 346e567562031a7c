//! What Tab offers at the prompt: commands after `/`, files after `@`. It must never know what they do.

use ace_schema::limits;
use reedline::{Completer, Span, Suggestion};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// The words to complete; the folder may change while the editor lives.
#[derive(Debug, Clone, Default)]
pub struct Words {
    /// Commands without their `/`.
    pub commands: Vec<String>,
    /// Where files are looked for.
    pub folder: Arc<Mutex<PathBuf>>,
}

impl Words {
    /// Looks for files there from now on.
    pub fn look_in(&self, folder: PathBuf) {
        *self.folder.lock().unwrap_or_else(PoisonError::into_inner) = folder;
    }

    /// Files whose path holds the text, ignore rules respected; those that begin with it come first.
    fn files(&self, text: &str) -> Vec<String> {
        let folder = self.folder.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let walk = ignore::WalkBuilder::new(&folder).require_git(false).build();
        let mut found: Vec<String> = walk
            .flatten()
            .take(limits::COMPLETION_FILES)
            .filter(|entry| entry.file_type().is_some_and(|t| t.is_file()))
            .filter_map(|entry| entry.path().strip_prefix(&folder).ok()?.to_str().map(str::to_owned))
            .filter(|path| path.contains(text) && !path.contains(char::is_control))
            .collect();
        found.sort_by_key(|path| (!path.starts_with(text), path.clone()));
        found.truncate(limits::COMPLETIONS);
        found
    }
}

impl Completer for Words {
    fn complete(&mut self, line: &str, at: usize) -> Vec<Suggestion> {
        let Some(before) = line.get(..at) else { return Vec::new() };
        let start = before.rfind(char::is_whitespace).map_or(0, |i| i + 1);
        let word = &before[start..];
        let offer = |value: String| Suggestion {
            value,
            span: Span::new(start, at),
            append_whitespace: true,
            ..Suggestion::default()
        };
        if start == 0
            && let Some(begun) = word.strip_prefix('/')
        {
            let fits = self.commands.iter().filter(|c| c.starts_with(begun));
            return fits.map(|c| offer(format!("/{c}"))).collect();
        }
        match word.strip_prefix('@') {
            Some(path) => self.files(path).into_iter().map(|f| offer(format!("@{f}"))).collect(),
            None => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_files_are_offered_where_they_can_stand() {
        let folder = std::env::temp_dir().join(format!("ace-words-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("src")).unwrap();
        for (name, text) in [("src/main.rs", ""), ("notes.md", ""), ("out.log", ""), (".gitignore", "*.log\n")] {
            std::fs::write(folder.join(name), text).unwrap();
        }
        let mut words = Words { commands: vec!["help".to_owned(), "mode".to_owned()], ..Words::default() };
        words.look_in(folder.clone());
        let mut offered =
            |line: &str| -> Vec<String> { words.complete(line, line.len()).into_iter().map(|s| s.value).collect() };
        assert_eq!(offered("/m"), ["/mode"]);
        assert_eq!(offered("see @ma"), ["@src/main.rs"]);
        assert_eq!(offered("see @log"), Vec::<String>::new());
        assert_eq!(offered("see /m"), Vec::<String>::new());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
