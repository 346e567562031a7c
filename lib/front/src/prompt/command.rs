//! What a line at the prompt means: a message, a command, or the person's own shell command; and the commands people keep as
//! files. It must never do any of it.

use ace_schema::limits;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A line that was typed.
#[derive(Debug, PartialEq, Eq)]
pub enum Typed<'a> {
    /// Nothing.
    Empty,
    /// For the model.
    Message(&'a str),
    /// `/name rest`.
    Command(&'a str, &'a str),
    /// `!command`.
    Shell(&'a str),
}

/// The built-in commands: name, what follows it, what it does.
pub const COMMANDS: &[(&str, &str, &str)] = &[
    ("help", "", "this page"),
    ("diff", "", "what the session changed"),
    ("undo", "", "take the last turn back, files too"),
    ("rewind", "LINE", "conversation and files back to a line"),
    ("fork", "[@LINE]", "go on in another session with this past, files too"),
    ("compact", "[TEXT]", "make the conversation shorter; TEXT is kept above all"),
    ("model", "[NAME/MODEL]", "which model answers from here on"),
    ("mode", "[MODE]", "plan, ask, edit or auto, from here on"),
    ("cost", "", "tokens and money so far"),
    ("log", "", "every recorded line"),
    ("permissions", "", "what is asked and what never runs"),
    ("now", "TEXT", "steer the running turn"),
    ("quit", "", "leave, the session stays"),
];

/// Reads a line. A path such as `/etc/hosts` is no command.
#[must_use]
pub fn parse(line: &str) -> Typed<'_> {
    let text = line.trim();
    if text.is_empty() {
        return Typed::Empty;
    }
    if let Some(command) = text.strip_prefix('!') {
        return Typed::Shell(command.trim());
    }
    if let Some(rest) = text.strip_prefix('/') {
        let (name, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '?');
        if !name.is_empty() && name.chars().all(is_word) {
            return Typed::Command(name, rest.trim());
        }
    }
    Typed::Message(text)
}

/// Commands kept as Markdown files.
#[derive(Debug, Clone, Default)]
pub struct Own {
    /// Folders, the strongest first, and whether a person put the files there themselves.
    folders: Vec<(PathBuf, bool)>,
}

/// One of them.
#[derive(Debug, PartialEq, Eq)]
pub struct Text {
    /// The file.
    pub file: PathBuf,
    /// It came with the project: a person has to see it before it is sent.
    pub foreign: bool,
    /// What it says, arguments filled in.
    pub text: String,
}

impl Own {
    /// Those of the user's own folder and of the project.
    #[must_use]
    pub fn new(user: &Path, project: Option<&Path>) -> Self {
        let mut folders = vec![(user.join("commands"), false)];
        folders.extend(project.map(|p| (p.join("commands"), true)));
        Self { folders }
    }

    /// Their names, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (folder, _) in &self.folders {
            let files = std::fs::read_dir(folder).into_iter().flatten().flatten().take(limits::COMMAND_FILES);
            names.extend(files.filter_map(|e| Some(e.file_name().to_str()?.strip_suffix(".md")?.to_owned())));
        }
        names.retain(|n| !n.is_empty() && n.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_')));
        names.sort();
        names.dedup();
        names
    }

    /// The text of one, `$ARGUMENTS` replaced; where none stands, arguments follow the text.
    #[must_use]
    pub fn find(&self, name: &str, arguments: &str) -> Option<Text> {
        self.folders.iter().find_map(|(folder, foreign)| {
            let file = folder.join(format!("{name}.md"));
            let mut text = String::new();
            let opened = std::fs::File::open(&file).ok()?;
            opened.take(limits::COMMAND_FILE_BYTES).read_to_string(&mut text).ok()?;
            let text = ace_view::clean(text.trim());
            let text = if text.contains("$ARGUMENTS") {
                text.replace("$ARGUMENTS", arguments)
            } else {
                format!("{text}\n\n{arguments}").trim_end().to_owned()
            };
            Some(Text { file, foreign: *foreign, text })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_message_a_command_or_the_shells() {
        assert_eq!(parse("  "), Typed::Empty);
        assert_eq!(parse("fix it"), Typed::Message("fix it"));
        assert_eq!(parse("/mode auto"), Typed::Command("mode", "auto"));
        assert_eq!(parse("/etc/hosts is wrong"), Typed::Message("/etc/hosts is wrong"));
        assert_eq!(parse("/ is full"), Typed::Message("/ is full"));
        assert_eq!(parse("! make test"), Typed::Shell("make test"));
    }

    #[test]
    fn own_commands_are_files_with_arguments() {
        let root = std::env::temp_dir().join(format!("ace-own-{}", std::process::id()));
        for (folder, name, text) in
            [("user", "review", "Review $ARGUMENTS now."), ("project", "review", "evil"), ("project", "fix", "Fix it.")]
        {
            std::fs::create_dir_all(root.join(folder).join("commands")).unwrap();
            std::fs::write(root.join(folder).join("commands").join(format!("{name}.md")), text).unwrap();
        }
        let own = Own::new(&root.join("user"), Some(&root.join("project")));
        assert_eq!(own.names(), ["fix", "review"]);
        let review = own.find("review", "a.rs").unwrap();
        assert_eq!((review.text.as_str(), review.foreign), ("Review a.rs now.", false));
        let fix = own.find("fix", "the tests").unwrap();
        assert_eq!((fix.text.as_str(), fix.foreign), ("Fix it.\n\nthe tests", true));
        assert_eq!(own.find("none", ""), None);
        std::fs::remove_dir_all(root).unwrap();
    }
}
