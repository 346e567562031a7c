//! The grammar's tree into commands. Kinds of nodes that are not named here are doubts, and so is every error of the parser.

use std::ops::ControlFlow;

use ace_schema::limits::{SHELL_NESTING, SHELL_SEGMENTS, SHELL_STEPS};
use tree_sitter::{Node, ParseOptions, Parser, Tree};

use super::{Arg, Reading, Segment};

/// Reads a text that is known to be of bearable size.
pub fn read(command: &str) -> Reading {
    let Some(tree) = parse(command) else { return Reading::of_doubt("takes too long to be parsed") };
    let mut walker = Walker { text: command, reading: Reading::default() };
    if tree.root_node().has_error() {
        walker.reading.note("is no whole command line");
    }
    walker.statement(tree.root_node(), 0);
    walker.reading
}

/// Steps are counted, not time: the same text always has the same answer.
fn parse(command: &str) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_bash::LANGUAGE.into()).ok()?;
    let mut steps = 0u32;
    let mut count = |_: &tree_sitter::ParseState| {
        steps += 1;
        if steps > SHELL_STEPS { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let options = ParseOptions::new().progress_callback(&mut count);
    // Its scanner looks letters up in a table that ends at 255. Letters beyond are letters to a shell too: any other will do.
    let bytes: Vec<u8> = command.bytes().map(|b| if b.is_ascii() { b } else { b'x' }).collect();
    parser.parse_with_options(&mut |at, _| bytes.get(at..).unwrap_or_default(), None, Some(options))
}

struct Walker<'a> {
    text: &'a str,
    reading: Reading,
}

impl Walker<'_> {
    fn words_of(&self, node: Node<'_>) -> &str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    /// A statement and all that stand in it.
    fn statement(&mut self, node: Node<'_>, depth: usize) {
        if depth > SHELL_NESTING * 4 || self.reading.segments.len() > SHELL_SEGMENTS {
            return self.reading.note("nests too deep");
        }
        match node.kind() {
            "comment" => {}
            "program" | "list" | "pipeline" | "subshell" => self.children(node, depth),
            "command" => {
                let segment = self.command(node, depth);
                self.reading.segments.push(segment);
            }
            "redirected_statement" => self.redirected(node, depth),
            kind => {
                self.reading.note(doubt(kind));
                self.children(node, depth);
            }
        }
    }

    fn children(&mut self, node: Node<'_>, depth: usize) {
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            match child.kind() {
                "|&" => self.reading.note("has '|&', which shells read differently"),
                ";;" | ";&" | ";;&" => self.reading.note("is no whole command line"),
                _ if child.is_named() => self.statement(child, depth + 1),
                _ => {}
            }
        }
    }

    fn redirected(&mut self, node: Node<'_>, depth: usize) {
        let before = self.reading.segments.len();
        let mut redirects = Vec::new();
        let mut cursor = node.walk();
        for (at, child) in node.children(&mut cursor).enumerate() {
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            match node.field_name_for_child(at) {
                Some("redirect") => redirects.push(child),
                _ if child.is_named() => self.statement(child, depth + 1),
                _ => {}
            }
        }
        let mut around = Segment::default();
        for redirect in redirects {
            self.redirect(redirect, &mut around, depth);
        }
        // What a group writes is written once; it stands with the first command of it.
        match self.reading.segments.get_mut(before) {
            Some(first) => {
                first.writes.append(&mut around.writes);
                first.reads.append(&mut around.reads);
                first.fed |= around.fed;
                around.doubts.into_iter().for_each(|d| first.doubt(d));
            }
            None => self.reading.segments.push(around),
        }
    }

    fn command(&mut self, node: Node<'_>, depth: usize) -> Segment {
        let mut segment = Segment::default();
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            match child.kind() {
                "variable_assignment" => {
                    let (text, harmless) = self.assignment(child, depth);
                    if !harmless {
                        segment.doubt(format!("sets the variable '{}'", crate::effect::shown(&text)));
                    }
                }
                "command_name" => match child.named_child(0) {
                    Some(word) => {
                        let arg = self.arg(word, &mut segment, depth);
                        if !arg.is_exact() {
                            segment.doubt("makes up the program it starts");
                        }
                        segment.words.push(arg);
                    }
                    None => segment.doubt("names no program"),
                },
                "file_redirect" | "herestring_redirect" | "heredoc_redirect" => {
                    self.redirect(child, &mut segment, depth);
                }
                "comment" => {}
                _ if child.is_error() || child.is_missing() => segment.doubt("is no whole command line"),
                _ if child.is_named() => {
                    let arg = self.arg(child, &mut segment, depth);
                    segment.words.push(arg);
                }
                kind => segment.doubt(format!("has a '{kind}' where a word is expected")),
            }
        }
        if segment.words.is_empty() && segment.doubts.is_empty() {
            segment.doubt("names no program");
        }
        segment
    }

    /// The variable's name, and whether setting it changes nothing but words, numbers and colours of the output.
    fn assignment(&mut self, node: Node<'_>, depth: usize) -> (String, bool) {
        const HARMLESS: &[&str] =
            &["LANG", "LC_ALL", "TZ", "NO_COLOR", "TERM", "COLUMNS", "RUST_BACKTRACE", "RUST_LOG", "CI", "FORCE_COLOR"];
        let name = node.child_by_field_name("name").map(|n| self.words_of(n).to_owned()).unwrap_or_default();
        let mut inside = Segment::default();
        let plain = node.child_by_field_name("value").is_none_or(|v| self.arg(v, &mut inside, depth).is_exact());
        let harmless = plain && inside.doubts.is_empty() && HARMLESS.contains(&name.as_str());
        (name, harmless)
    }

    fn redirect(&mut self, node: Node<'_>, segment: &mut Segment, depth: usize) {
        let mut cursor = node.walk();
        let named: Vec<Node<'_>> = node.named_children(&mut cursor).collect();
        match node.kind() {
            "herestring_redirect" => {
                segment.fed = true;
                segment.doubt("is fed by a here-string");
                named.iter().for_each(|n| self.inside(*n, depth));
            }
            "heredoc_redirect" => {
                segment.fed = true;
                let expected = |n: &Node<'_>| {
                    matches!(n.kind(), "heredoc_start" | "heredoc_end" | "heredoc_content")
                        || (n.kind() == "heredoc_body"
                            && (0..n.named_child_count()).all(|i| {
                                n.named_child(u32::try_from(i).unwrap_or(0))
                                    .is_some_and(|c| c.kind() == "heredoc_content")
                            }))
                };
                if !named.iter().all(expected) {
                    segment.doubt("has a here-document that the shell fills in");
                }
                named.iter().for_each(|n| self.inside(*n, depth));
            }
            "file_redirect" => self.file_redirect(node, &named, segment, depth),
            kind => segment.doubt(doubt(kind)),
        }
    }

    fn file_redirect(&mut self, node: Node<'_>, named: &[Node<'_>], segment: &mut Segment, depth: usize) {
        let mut cursor = node.walk();
        let sign = node.children(&mut cursor).find(|c| !c.is_named()).map_or("", |c| c.kind()).to_owned();
        let targets: Vec<Node<'_>> = named.iter().copied().filter(|n| n.kind() != "file_descriptor").collect();
        let [target] = targets.as_slice() else { return segment.doubt("has words behind a redirection") };
        let arg = self.arg(*target, segment, depth);
        if !arg.is_exact() {
            segment.doubt("redirects to what the shell makes up");
        }
        let number = !arg.text.is_empty() && arg.text.bytes().all(|b| b.is_ascii_digit());
        match sign.as_str() {
            ">&" | "<&" if number || arg.text == "-" => {}
            ">" | ">>" | ">|" => segment.writes.push(arg),
            "<" => segment.reads.push(arg),
            // `&>` is two commands to some shells; `<>` opens for both.
            other => {
                segment.writes.push(arg);
                segment.doubt(format!("redirects by '{other}', which shells read differently"));
            }
        }
    }

    /// Commands inside something that is a doubt already are read as well, so that a rule can refuse them.
    fn inside(&mut self, node: Node<'_>, depth: usize) {
        if depth > SHELL_NESTING * 4 {
            return;
        }
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            match child.kind() {
                "command" | "redirected_statement" | "pipeline" | "list" | "subshell" => {
                    self.statement(child, depth + 1)
                }
                _ => self.inside(child, depth + 1),
            }
        }
    }

    /// One word. What the shell would put in its place is a doubt of the command.
    fn arg(&mut self, node: Node<'_>, segment: &mut Segment, depth: usize) -> Arg {
        let mut arg = Arg::default();
        self.part(node, &mut arg, depth);
        // Several plain words side by side: braces and brackets that the grammar takes apart.
        let raw = self.words_of(node);
        if node.kind() == "concatenation" && raw.contains('{') && (raw.contains(',') || raw.contains("..")) {
            (arg.unknown, arg.text) = (true, raw.to_owned());
        }
        if arg.unknown {
            segment.doubt("has words that the shell makes up");
        } else if arg.glob && arg.text.starts_with(['*', '?', '[']) {
            // A file called `-x` would be taken for an option.
            segment.doubt("has a pattern that could stand for an option");
        }
        arg
    }

    fn part(&mut self, node: Node<'_>, arg: &mut Arg, depth: usize) {
        let raw = self.words_of(node).to_owned();
        match node.kind() {
            "word" | "number" | "extglob_pattern" | "string_content" if node.named_child_count() == 0 => {
                bare(&raw, arg);
            }
            "raw_string" => arg.text += raw.trim_start_matches('\'').strip_suffix('\'').unwrap_or_default(),
            "string" => self.string(node, &raw, arg, depth),
            "concatenation" => {
                // What lies between its parts belongs to it; anything else was left out by the grammar.
                let mut cursor = node.walk();
                let mut at = node.start_byte();
                for child in node.children(&mut cursor) {
                    if child.start_byte() != at {
                        arg.unknown = true;
                    }
                    at = child.end_byte();
                    self.part(child, arg, depth);
                }
            }
            _ => {
                arg.unknown = true;
                arg.text += &raw;
                self.inside(node, depth);
            }
        }
    }

    /// Between double quotes: text and escapes, or something the shell fills in.
    fn string(&mut self, node: Node<'_>, raw: &str, arg: &mut Arg, depth: usize) {
        let inner = raw.strip_prefix('"').and_then(|r| r.strip_suffix('"'));
        let mut cursor = node.walk();
        let plain = node.named_children(&mut cursor).all(|c| c.kind() == "string_content");
        let Some(inner) = inner.filter(|_| plain && raw.len() >= 2) else {
            arg.unknown = true;
            arg.text += raw;
            return self.inside(node, depth);
        };
        let mut chars = inner.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => match chars.next() {
                    Some('\n') => {}
                    Some(c @ ('$' | '`' | '"' | '\\')) => arg.text.push(c),
                    Some(c) => arg.text.extend(['\\', c]),
                    None => arg.unknown = true,
                },
                // The grammar knows these as expansions, or else nobody does.
                '$' | '`' => {
                    arg.unknown = true;
                    arg.text.push(c);
                }
                c => arg.text.push(c),
            }
        }
    }
}

/// Text without quotes around it.
fn bare(raw: &str, arg: &mut Arg) {
    let mut chars = raw.chars().peekable();
    let mut before = None;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('\n') => {}
                Some(c) => arg.text.push(c),
                None => arg.unknown = true,
            },
            '*' | '?' | '[' => {
                arg.glob = true;
                arg.text.push(c);
            }
            '~' if before.is_none_or(|b| matches!(b, '=' | ':')) => {
                arg.unknown = true;
                arg.text.push(c);
            }
            '{' => {
                let rest: String = chars.clone().collect();
                arg.unknown |= rest.contains(',') || rest.contains("..");
                arg.text.push(c);
            }
            '$' | '`' | '"' | '\'' | '\n' | '(' | ')' | '<' | '>' | '|' | '&' | ';' => {
                arg.unknown = true;
                arg.text.push(c);
            }
            c => arg.text.push(c),
        }
        before = Some(c);
    }
}

/// What a kind of node is to people.
fn doubt(kind: &str) -> String {
    let what = match kind {
        "if_statement"
        | "while_statement"
        | "for_statement"
        | "c_style_for_statement"
        | "case_statement"
        | "compound_statement"
        | "do_group"
        | "select_statement" => "is a compound command",
        "function_definition" => "defines a function",
        "variable_assignment" | "variable_assignments" | "declaration_command" | "unset_command" => "sets variables",
        "negated_command" => "negates a command",
        "test_command" => "has a test of the shell's own",
        "ERROR" => "is no whole command line",
        _ => "has something that no rule can judge",
    };
    what.to_owned()
}
