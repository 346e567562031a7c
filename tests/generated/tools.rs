//! `man/ace-tools.7`: what a model may call, from the table that it is told, with the limits by their numbers.

use super::roff::Roff;
use ace_schema::limits as l;
use ace_schema::tool::TOOLS;
use serde_json::Value;

/// The page.
pub fn page() -> String {
    let mut page = Roff::new("ace-tools", 7, "lib/schema");
    page.section("NAME");
    page.line("ace-tools - what a model may call, and its limits");
    page.section("DESCRIPTION");
    page.say("The tools of ace-tool(1). A model is told the name, the description and the arguments below, word for word. Paths are relative to the working directory and are resolved by the kernel beneath it; what leads out is refused, whatever links and names are in between.");
    page.say("Calls that only read run beside each other; all others run alone, in the order of the answer. Arguments that are unknown, given twice or of another type fail the call before anything is done.");
    for tool in TOOLS {
        page.section(&tool.name.to_uppercase());
        page.line(format!("{} {}", tool.description, if tool.reads { "It only reads." } else { "" }).trim_end());
        let schema: Value = serde_json::from_str(tool.parameters).unwrap();
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for (name, about) in schema["properties"].as_object().unwrap() {
            let optional = if required.contains(&Value::from(name.as_str())) { "" } else { ", optional" };
            let more = about["description"].as_str().map(|d| format!(": {d}")).unwrap_or_default();
            page.term(name, &format!("{}{optional}{more}.", about["type"].as_str().unwrap()));
        }
        page.line_apart(&limits(tool.name));
    }
    page.section("OUTPUT");
    page.say(&format!(
        "A model sees at most the first {} and the last {} of an output, with a line between them that says what is left out. The whole, up to {}, is kept as a blob, and lies in a file of the session's temporary folder whose path the model is told, so that read and grep work on it.",
        bytes(l::OUTPUT_HEAD_BYTES as u64), bytes(l::OUTPUT_TAIL_BYTES as u64), bytes(l::OUTPUT_KEPT_BYTES)
    ));
    page.say(&format!(
        "At most {} reading calls run at once in a session, and one answer may hold {} calls.",
        l::PARALLEL_CALLS,
        l::CALLS_PER_ANSWER
    ));
    page.section("RIGHTS");
    page.say("Tools run in a worker process that has no key, an environment built from a list of names, and no network but the way through a proxy that the profile `network` (`sandbox.profile` in `ace-config`(5)) gives it. It may write the worktree and a temporary folder of the session, and read the toolchain; it sees neither the log nor the configuration of ace. Where the kernel lacks a layer of this, the call says so in its record, and mode `auto` asks first.");
    page.also(&[("ace-permit", 1), ("ace-tool", 1), ("ace", 7), ("ace-events", 7)]);
    page.end()
}

fn limits(tool: &str) -> String {
    match tool {
        "read" => format!(
            "Without limit: {} lines. An answer holds what fits an output, see OUTPUT. A line is looked for in the first {} of a file. Of an image (PNG, JPEG, GIF, WebP, up to {}) a model that can see is shown the picture, of a notebook (.ipynb, up to {}) its cells.",
            l::READ_LINES,
            bytes(l::READ_SCAN_BYTES),
            bytes(l::IMAGE_BYTES),
            bytes(l::NOTEBOOK_BYTES)
        ),
        "list" => format!("At most {} names.", l::MATCHES),
        "glob" => format!(
            "At most {} paths, in their order; it walks for {} at most and says so then.",
            l::MATCHES,
            time(l::WALK_MS)
        ),
        "grep" => format!(
            "At most {} lines, each shown to {}; files with a line above {} are skipped and counted; it walks for {} at most.",
            l::MATCHES,
            bytes(l::MATCH_LINE_BYTES as u64),
            bytes(l::GREP_LINE_BYTES as u64),
            time(l::WALK_MS)
        ),
        "write" => "The file is replaced as a whole, or not at all.".to_owned(),
        "edit" => format!(
            "Files up to {}, at most {} edits. Line ends, and white space at the ends of lines, may differ if only one place can be meant.",
            bytes(l::EDIT_BYTES),
            l::EDITS
        ),
        "shell" => format!(
            "A command of at most {}. Stopped with all it has started after timeout_ms, by default {}, at most {}. A command that is kept starts where the last kept one has ended, any other in the working directory. A long output gets its name when the command has ended, and what a gate takes out is not in it.",
            bytes(l::COMMAND_BYTES as u64),
            time(l::SHELL_MS),
            time(l::SHELL_MAX_MS)
        ),
        "patch" => format!(
            "At most {} files of up to {} each; all are changed, or none. A part goes where its lines stand; where that is more than one place, an @@ line or a line number has to choose.",
            l::PATCH_FILES,
            bytes(l::EDIT_BYTES)
        ),
        "job" => format!(
            "At most {} commands run in the background of a session, and end with it. The first {} of an output can be read again from offset on; they lie in a file without a name, so that what no gate has seen is on no disk under one. wait_ms is at most {}, input at most {}.",
            l::JOBS,
            bytes(l::JOB_KEPT_BYTES),
            time(l::JOB_WAIT_MAX_MS),
            bytes(l::JOB_INPUT_BYTES as u64)
        ),
        "fetch" => format!(
            "Run by ace-fetch(1). The first {} of a page are read, within {} and {} redirects. Addresses that are not of the public net are refused, whatever name leads to them.",
            bytes(l::FETCH_BYTES as u64),
            time(l::FETCH_MS),
            l::REDIRECTS
        ),
        "diff" => format!(
            "Everything that differs, whoever changed it: files and their counts, then the patch, whole files up to {} of it. It knows the states of files in git, outside of it none. By default since the turn began.",
            bytes(l::DIFF_BYTES as u64)
        ),
        "ask_user" => format!(
            "Always asked, in every mode, by the rule ask-user: nothing is allowed, the answer is the output. A question takes at most {} with its choices, an answer {}. Refusing it is an answer too.",
            bytes(l::QUESTION_BYTES as u64),
            bytes(l::ASKED_ANSWER_BYTES as u64)
        ),
        "todo" => format!("At most {} items; the record of the call is the list.", l::TODO_ITEMS),
        other => panic!("say the limits of {other}"),
    }
}

fn bytes(n: u64) -> String {
    match n {
        n if n >= 1 << 20 && n.is_multiple_of(1 << 20) => format!("{} MiB", n >> 20),
        n if n >= 1 << 10 && n.is_multiple_of(1 << 10) => format!("{} KiB", n >> 10),
        n => format!("{n} B"),
    }
}

fn time(ms: u64) -> String {
    match ms / 1000 {
        s if s >= 60 && s.is_multiple_of(60) => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}
