//! The local tools by name: what the model is told, and whether a call only reads.

/// One tool on offer.
#[derive(Debug, Clone, Copy)]
pub struct Tool {
    /// Name.
    pub name: &'static str,
    /// What the model is told.
    pub description: &'static str,
    /// JSON Schema of the arguments.
    pub parameters: &'static str,
    /// The program that runs it.
    pub by: &'static str,
    /// Reads and changes nothing: such calls run at once with others.
    pub reads: bool,
    /// The argument that names the path or command, for one-line displays.
    pub subject: &'static str,
}

/// Every local tool.
pub const TOOLS: &[Tool] = &[
    Tool {
        name: "read",
        description: "Read a text file. Long files come in part: ask on with offset.",
        parameters: r#"{"type":"object","properties":{"path":{"type":"string"},"offset":{"type":"integer","description":"first line, from 1"},"limit":{"type":"integer","description":"lines"}},"required":["path"],"additionalProperties":false}"#,
        by: "ace-tool",
        reads: true,
        subject: "path",
    },
    Tool {
        name: "list",
        description: "List a folder.",
        parameters: r#"{"type":"object","properties":{"path":{"type":"string"}},"additionalProperties":false}"#,
        by: "ace-tool",
        reads: true,
        subject: "path",
    },
    Tool {
        name: "glob",
        description: "Find files by pattern, such as src/**/*.rs. Ignored files are left out.",
        parameters: r#"{"type":"object","properties":{"pattern":{"type":"string"},"path":{"type":"string"}},"required":["pattern"],"additionalProperties":false}"#,
        by: "ace-tool",
        reads: true,
        subject: "pattern",
    },
    Tool {
        name: "grep",
        description: "Search file contents by regular expression. Ignored files are left out.",
        parameters: r#"{"type":"object","properties":{"pattern":{"type":"string"},"path":{"type":"string"},"glob":{"type":"string"},"ignore_case":{"type":"boolean"}},"required":["pattern"],"additionalProperties":false}"#,
        by: "ace-tool",
        reads: true,
        subject: "pattern",
    },
    Tool {
        name: "write",
        description: "Write a whole file, making its folders.",
        parameters: r#"{"type":"object","properties":{"path":{"type":"string"},"content":{"type":"string"}},"required":["path","content"],"additionalProperties":false}"#,
        by: "ace-tool",
        reads: false,
        subject: "path",
    },
    Tool {
        name: "edit",
        description: "Replace text in a file. old must occur exactly once, unless all is true. edits makes several replacements, in order, all or none.",
        parameters: r#"{"type":"object","properties":{"path":{"type":"string"},"old":{"type":"string"},"new":{"type":"string"},"all":{"type":"boolean"},"edits":{"type":"array","items":{"type":"object","properties":{"old":{"type":"string"},"new":{"type":"string"},"all":{"type":"boolean"}},"required":["old","new"]}}},"required":["path"],"additionalProperties":false}"#,
        by: "ace-tool",
        reads: false,
        subject: "path",
    },
    Tool {
        name: "patch",
        description: "Change, add, delete or move several files at once, all or none: '*** Begin Patch' (V4A) or a unified diff.",
        parameters: r#"{"type":"object","properties":{"patch":{"type":"string"}},"required":["patch"],"additionalProperties":false}"#,
        by: "ace-tool",
        reads: false,
        subject: "patch",
    },
    Tool {
        name: "shell",
        description: "Run a command with sh in the working directory, no network. keep: cd and exported variables stay for the next kept command. background: returns at once, see job.",
        parameters: r#"{"type":"object","properties":{"command":{"type":"string"},"timeout_ms":{"type":"integer"},"keep":{"type":"boolean"},"background":{"type":"boolean"},"terminal":{"type":"boolean","description":"with a terminal (pty)"}},"required":["command"],"additionalProperties":false}"#,
        by: "ace-tool",
        reads: false,
        subject: "command",
    },
    Tool {
        name: "job",
        description: "New output of a background command, or all of it from offset on; type input into it, wait for it, or kill it. Without id: list them.",
        parameters: r#"{"type":"object","properties":{"id":{"type":"string"},"wait_ms":{"type":"integer"},"offset":{"type":"integer","description":"byte, from 0"},"input":{"type":"string"},"kill":{"type":"boolean"}},"additionalProperties":false}"#,
        by: "ace-tool",
        reads: true,
        subject: "id",
    },
    Tool {
        name: "todo",
        description: "Write down the steps of a longer piece of work, whole list each time.",
        parameters: r#"{"type":"object","properties":{"items":{"type":"array","items":{"type":"object","properties":{"text":{"type":"string"},"state":{"type":"string","enum":["open","doing","done"]}},"required":["text","state"]}}},"required":["items"],"additionalProperties":false}"#,
        by: "ace-tool",
        reads: true,
        subject: "items",
    },
    Tool {
        name: "diff",
        description: "What changed in the worktree since the turn began, or the session.",
        parameters: r#"{"type":"object","properties":{"since":{"type":"string","enum":["turn","session"]}},"additionalProperties":false}"#,
        by: "ace-tool",
        reads: true,
        subject: "since",
    },
    Tool {
        name: "ask_user",
        description: "Ask the user what only they can decide, and wait for the answer. Up to 9 choices, if any.",
        parameters: r#"{"type":"object","properties":{"question":{"type":"string"},"choices":{"type":"array","items":{"type":"object","properties":{"label":{"type":"string"},"detail":{"type":"string"}},"required":["label"]}}},"required":["question"],"additionalProperties":false}"#,
        by: "ace-tool",
        reads: true,
        subject: "question",
    },
    Tool {
        name: "fetch",
        description: "Fetch a page of the web as Markdown. Long pages come in part: ask on with offset.",
        parameters: r#"{"type":"object","properties":{"url":{"type":"string"},"offset":{"type":"integer"}},"required":["url"],"additionalProperties":false}"#,
        by: "ace-fetch",
        reads: true,
        subject: "url",
    },
];

/// The tool of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|t| t.name == name)
}

/// The list as the model gets it: `[{"name":…,"description":…,"parameters":{…}},…]`, the bytes of the `tool.discovered` blob.
#[must_use]
pub fn offer() -> String {
    let rows: Vec<String> = TOOLS
        .iter()
        .map(|t| format!(r#"{{"name":"{}","description":"{}","parameters":{}}}"#, t.name, t.description, t.parameters))
        .collect();
    format!("[{}]", rows.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offer_is_json_and_names_every_subject() {
        let offer: Vec<serde_json::Value> = serde_json::from_str(&offer()).unwrap();
        assert_eq!(offer.len(), TOOLS.len());
        for (row, tool) in offer.iter().zip(TOOLS) {
            assert!(row["parameters"]["properties"].get(tool.subject).is_some(), "{}", tool.name);
        }
    }
}
