//! Whatever models, tools, files and names say: only our own escape sequences leave, no line is wider than the width, nothing panics.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

use ace_schema::Line;
use ace_view::list::{self, Row};
use ace_view::log::LogView;
use ace_view::{CiView, Mark, Next, RunView, SessionFacts, Style, Text, ask, clean, render, show};
use jiff::tz::TimeZone;
use proptest::prelude::*;

const RUN: &str = include_str!("../../../fixtures/sessions/view-run.jsonl");

/// Text with what hurts terminals in it.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(|b| String::from_utf8_lossy(&b).into_owned()),
        proptest::sample::select(vec![
            "\u{1b}[2J",
            "\u{1b}]52;c;aGk=\u{7}",
            "\u{1b}]8;;x\u{1b}\\",
            "\u{9b}1m",
            "\u{90}q\u{9c}",
            "\u{202e}",
            "\u{200d}",
            "\r",
            "\n",
            "\r\n",
            "\t",
            "\u{8}",
            "\u{85}",
            "\u{2028}",
            "```\n",
            "~~~",
            "| a | b |\n",
            "|",
            "**",
            "`",
            "[a](b)",
            "- ",
            "# ",
            "> ",
            "1. ",
            "日本",
            "👩\u{200d}💻",
            "e\u{301}",
            "FAIL",
            "error",
            "@@ -1 +1 @@\n-",
            "+++ ",
            "word ",
            "    ",
        ])
        .prop_map(str::to_owned),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|v| v.concat())
}

/// Ends the test if a line has any control character but our own colours.
fn check_bytes(lines: &[Text], style: &Style) {
    for line in lines {
        let mut rest = render(line, style);
        while let Some(at) = rest.find("\u{1b}[") {
            let end = rest[at..].find('m').map(|i| at + i).expect("a colour ends with m");
            assert!(rest[at + 2..end].bytes().all(|b| b.is_ascii_digit() || b == b';'), "{rest:?}");
            rest.replace_range(at..=end, "");
        }
        assert!(!rest.chars().any(char::is_control), "{rest:?}");
        assert!(!rest.contains(['\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}']), "{rest:?}");
    }
}

/// Ends the test if a line is too wide and is none of those that must not be cut: code, addresses, commands to type.
fn check_width(lines: &[Text], style: &Style) {
    for line in lines {
        let words = line.words();
        let whole = words.contains("://") || words.contains("ace show ") || words.starts_with("    ");
        assert!(whole || line.cells() <= style.width, "{} > {}: {words:?}", line.cells(), style.width);
    }
}

fn event(seq: u64, ty: &str, id: &str, cause: &str, data: &serde_json::Value) -> String {
    serde_json::json!({"seq": seq, "ts": "2026-11-20T06:41:00.000Z", "v": 1, "id": id, "session": "s", "turn": 1,
        "cause": cause, "by": "x", "type": ty, "data": data})
    .to_string()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cleaning_leaves_text_and_newlines(text in hostile()) {
        let once = clean(&text);
        prop_assert!(!once.chars().any(|c| c.is_control() && c != '\n'));
        prop_assert_eq!(once.matches('\n').count(), text.matches('\n').count());
        prop_assert_eq!(clean(&once), once);
    }

    #[test]
    fn a_run_of_hostile_text_is_safe(
        said in hostile(), output in hostile(), name in hostile(), patch in hostile(), width in 1usize..120, cut in 0usize..40,
        flags in any::<(bool, bool, bool)>(),
    ) {
        let style = Style { ascii: flags.0, plain: flags.1, reasoning: flags.2, ..Style::new(width) };
        let mut at = cut.min(said.len());
        while !said.is_char_boundary(at) { at -= 1; }
        let parts = serde_json::json!([{"reasoning": output}, {"text": said}]);
        let args = serde_json::json!({"command": name, "path": name, "old": said, "new": output});
        let log = [
            event(1, "model.requested", "q", "", &serde_json::json!({})),
            event(2, "model.tool_call_requested", "c", "q", &serde_json::json!({"tool": "shell", "args": args})),
            event(3, "model.tool_call_requested", "e", "q", &serde_json::json!({"tool": "edit", "args": args})),
            event(4, "model.tool_call_requested", "u", "q", &serde_json::json!({"tool": name, "args": args})),
            event(5, "model.completed", "m", "q", &serde_json::json!({"parts": parts, "stop": "tools", "calls": 3})),
            event(6, "permission.requested", "p", "u", &serde_json::json!({"addressee": "user", "why": said, "rule": name, "proposal": {"tool": name, "command": name}})),
            event(7, "permission.resolved", "a", "c", &serde_json::json!({"decision": "allow", "who": name, "digest": ""})),
            event(8, "tool.started", "s", "a", &serde_json::json!({})),
            event(9, "tool.completed", "t", "s", &serde_json::json!({"output": {"text": output, "bytes": 1}, "exit": 1, "sandbox": "off"})),
            event(10, "permission.resolved", "b", "e", &serde_json::json!({"decision": "allow", "who": name, "digest": ""})),
            event(11, "tool.started", "d", "b", &serde_json::json!({})),
            event(12, "tool.completed", "f", "d", &serde_json::json!({"output": {}, "sandbox": "w", "patch": patch, "changed": [{"path": name, "added": 1, "removed": 2}]})),
            event(13, "permission.resolved", "g", "u", &serde_json::json!({"decision": "deny", "who": name, "rule": name, "digest": "", "why": said})),
            event(14, "model.failed", "h", "q", &serde_json::json!({"code": name, "message": said, "text": output, "dropped_call": name})),
            event(15, "budget.warned", "i", "", &serde_json::json!({"limit": name, "allowed": 1, "used": 2})),
            event(16, "turn.failed", "j", "", &serde_json::json!({"code": "x", "message": said, "hint": output})),
        ];
        let facts = SessionFacts { name: name.clone(), branch: name.clone(), model: name.clone(), mode: "ask".into(),
            sandbox: "off".into(), show_prompt: true, answerable: true, ..SessionFacts::default() };
        let mut view = RunView::new(style);
        let (mut ci, mut log_view) = (CiView::new(style, 1), LogView::default());
        let (mut out, mut wide) = (view.begin(&facts), ci.begin(&facts));
        let chalk = |text: &str| serde_json::json!({"v": 1, "type": "model.delta", "data": {"text": text, "call": text}}).to_string();
        for (i, raw) in log.iter().enumerate() {
            let line = Line::parse(raw.as_bytes()).unwrap();
            // A question is shown whole, and at once when it is long.
            if line.ty == "permission.requested" { &mut wide } else { &mut out }.extend(view.recorded(&line));
            wide.extend(ci.recorded(&line));
            out.extend(log_view.record(&line, &TimeZone::UTC, false, &style));
            if i == 0 {
                for piece in [&said[..at], &said[at..]] {
                    out.extend(view.chalk(&Line::parse(chalk(piece).as_bytes()).unwrap(), 1));
                    let tail = view.tail(2, 10);
                    prop_assert!(tail.len() <= 5 && tail.iter().all(|l| l.cells() <= style.width), "{tail:?}");
                    out.extend(tail);
                }
            }
            if let Some(call) = view.ledger().waiting().next() {
                let asked = &call.asked.as_ref().unwrap().1;
                wide.extend(ask::block(&ask::Question { call, asked, position: (1, 2), patch: Some(&patch) }, &facts, &style));
            }
            wide.extend(view.tail(1_795_156_900_000, 10));
            wide.extend(ci.progress(i64::from(i as u32) * 10));
        }
        wide.extend(view.verdict(&[Next::new(&name, "what")]));
        wide.extend(ci.verdict());
        let lines: Vec<Line> = log.iter().map(|l| Line::parse(l.as_bytes()).unwrap()).collect();
        out.extend(show::session(&show::Head { name: name.clone(), ..show::Head::default() }, &lines, &TimeZone::UTC, false, &style));
        for seq in 0..18 {
            wide.extend(show::record(&lines, seq, &style).unwrap_or_default());
        }
        let row = Row { mark: Mark::Waits, name: name.clone(), state: said.clone(), project: name, model: output, cost: None,
            changed: (1, 2, 3), age: 5 };
        out.extend(list::sessions(&[row], &style));
        check_bytes(&out, &style);
        check_bytes(&wide, &style);
        check_width(&out, &style);
    }

    #[test]
    fn records_in_any_order_do_no_harm(order in proptest::collection::vec(0usize..43, 0..80), width in 1usize..120) {
        let all: Vec<&str> = RUN.lines().collect();
        let style = Style::new(width);
        let mut view = RunView::new(style);
        let mut out = Vec::new();
        for i in order {
            let line = Line::parse(all[i].as_bytes()).unwrap();
            out.extend(view.recorded(&line));
            out.extend(view.tail(0, 5));
        }
        out.extend(view.verdict(&[]));
        check_bytes(&out, &style);
        check_width(&out, &style);
    }
}

#[test]
fn what_streams_is_what_is_recorded() {
    let text = "# Head\n\nFirst *line*\nand `code`\n\n| a | b |\n|---|---|\n| 1 | 22 |\n\n```\nx\n\ny\n```\nlast words";
    let style = Style::new(60);
    let done = event(2, "model.completed", "m", "q", &serde_json::json!({"parts": [{"text": text}], "stop": "end"}));
    let asked = event(1, "model.requested", "q", "", &serde_json::json!({}));
    let whole = {
        let mut view = RunView::new(style);
        [&asked, &done].iter().flat_map(|l| view.recorded(&Line::parse(l.as_bytes()).unwrap())).collect::<Vec<_>>()
    };
    for size in [1, 2, 7, 1000] {
        let mut view = RunView::new(style);
        let mut out = view.recorded(&Line::parse(asked.as_bytes()).unwrap());
        for piece in text.as_bytes().chunks(size) {
            let data = serde_json::json!({"text": std::str::from_utf8(piece).unwrap()});
            let raw = serde_json::json!({"v": 1, "type": "model.delta", "data": data}).to_string();
            out.extend(view.chalk(&Line::parse(raw.as_bytes()).unwrap(), 1));
        }
        out.extend(view.recorded(&Line::parse(done.as_bytes()).unwrap()));
        assert_eq!(out, whole, "pieces of {size}");
    }
}

#[test]
fn quiet_and_hidden_answers() {
    let lines: Vec<Line> = RUN.lines().map(|l| Line::parse(l.as_bytes()).unwrap()).collect();
    let shown = |style: Style, facts: &SessionFacts| -> String {
        let mut view = RunView::new(style);
        let mut out = view.begin(facts);
        out.extend(lines.iter().flat_map(|l| view.recorded(l)).collect::<Vec<_>>());
        out.extend(view.verdict(&[]));
        out.iter().map(|l| render(l, &Style { color: false, ..style }) + "\n").collect()
    };
    let facts = SessionFacts::of(&lines[0].data().unwrap());
    assert_eq!(shown(Style { quiet: true, ..Style::new(80) }, &facts), "");
    let hidden = shown(Style::new(80), &SessionFacts { hide_answer: true, ..facts });
    assert!(!hidden.contains("12 tests pass") && hidden.contains("takes the lower one") && hidden.contains("✓ done"));
}

#[test]
fn long_lines_are_quick() {
    let text = "word ".repeat(200_000) + &"x".repeat(1_000_000);
    let begun = std::time::Instant::now();
    let mut state = ace_view::markdown::Markdown::default();
    let lines = state.line(&text, &Style::new(80));
    state.line(&format!("|{text}|"), &Style::new(80));
    assert!(lines.len() > 10_000 && !state.end(&Style::new(80)).is_empty());
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}
