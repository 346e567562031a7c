//! Every screen as a file under `fixtures/views`, at 80 and 40 columns, coloured, without colour and in ASCII. Escapes stand
//! visibly as `\e`. `ACE_BLESS=1` rewrites them; read them beside the manual of the terminal before you keep them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

use ace_schema::Line;
use ace_schema::data::Proposal;
use ace_schema::permission::Scope;
use ace_view::list::{Check, Row, Tree};
use ace_view::log::LogView;
use ace_view::{CiView, Mark, Next, RunView, SessionFacts, Style, Text, ask, list, render, show, time};
use jiff::tz::TimeZone;
use std::path::PathBuf;

const RUN: &str = include_str!("../../../fixtures/sessions/view-run.jsonl");

fn lines(log: &str) -> Vec<Line<'_>> {
    log.lines().map(|l| Line::parse(l.as_bytes()).unwrap()).collect()
}

/// Draws a screen in every style and compares the file.
fn screen(name: &str, draw: impl Fn(&Style) -> Vec<Text>) {
    let mut got = String::new();
    for columns in [80, 40] {
        for (label, color, ascii) in [("colour", true, false), ("NO_COLOR", false, false), ("ASCII", false, true)] {
            let style = Style { color, ascii, ..Style::new(columns) };
            got += &format!("== {columns} columns, {label}\n");
            for line in draw(&style) {
                got += &render(&line, &style).replace('\u{1b}', "\\e");
                got.push('\n');
            }
        }
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/views").join(format!("{name}.txt"));
    if std::env::var_os("ACE_BLESS").is_some() {
        std::fs::write(&path, &got).unwrap();
    }
    let want = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(got == want, "{} differs, ACE_BLESS=1 rewrites it; got:\n{got}", path.display());
}

fn facts() -> SessionFacts {
    let all = lines(RUN);
    SessionFacts {
        budget: Some(25_000),
        log: "~/.local/share/ace/sessions/06fz3k9q2mtw8c1d/log.jsonl".to_owned(),
        place: "~/src/stats (worktree of fix-median)".to_owned(),
        ..SessionFacts::of(&all[0].data().unwrap())
    }
}

fn next() -> Vec<Next> {
    vec![Next::new("ace diff fix-median", "what changed"), Next::new("ace land fix-median", "bring it to main")]
}

fn whole_run(log: &str, facts: &SessionFacts, style: Style, next: &[Next]) -> Vec<Text> {
    let mut view = RunView::new(style);
    let mut out = view.begin(facts);
    for line in lines(log) {
        out.extend(view.recorded(&line));
    }
    out.extend(view.verdict(next));
    out
}

#[test]
fn run() {
    screen("run", |style| whole_run(RUN, &facts(), *style, &next()));
}

#[test]
fn run_of_a_recording_without_worktree_and_sandbox() {
    let mut facts = SessionFacts { played: true, show_prompt: true, budget: None, ..facts() };
    facts.sandbox = "off".to_owned();
    facts.branch.clear();
    let log = RUN.replace(r#""sandbox":"workspace""#, r#""sandbox":"off""#);
    screen("run-demo", |style| {
        whole_run(&log, &facts, *style, &[Next::new("ace fork fix-median@29", "go on from there")])
    });
}

/// One more line after the fixture's first `n`.
fn add(seq: u64, ms: u32, ty: &str, id: &str, cause: &str, data: &str) -> String {
    let ts = format!("2026-11-20T06:41:{:02}.{:03}Z", ms / 1000, ms % 1000);
    format!(
        r#"{{"seq":{seq},"ts":"{ts}","prev":"","pen":3,"v":1,"id":"{id}","session":"06fz3k9q2mtw8c1d","turn":1,"cause":"{cause}","by":"x","type":"{ty}","data":{data}}}"#
    ) + "\n"
}

fn first(n: usize) -> String {
    RUN.lines().take(n).map(|l| format!("{l}\n")).collect()
}

/// The call of line 7 is asked about.
fn asking() -> String {
    let mut log = first(8);
    let ask = r#"{"addressee":"user","why":"needs the network","rule":"cargo-net, built-in","proposal":{"tool":"shell","command":"make ..."}}"#;
    log += &add(9, 2100, "permission.requested", "p-1", "m3k9a2xr-2", ask);
    log
}

#[test]
fn ends() {
    let ended = |tail: &str| format!("{}{tail}", first(23));
    let cases = [
        ended(&add(
            24,
            4000,
            "turn.failed",
            "end-1",
            "",
            r#"{"code":"unreachable","message":"cannot reach 'ollama' at localhost:11434: connection refused","hint":"ollama serve, then: ace resume fix-median"}"#,
        )),
        ended(&add(24, 4000, "turn.failed", "end-1", "", r#"{"code":"limit","message":"200 answers are spent"}"#)),
        ended(&add(24, 4000, "turn.cancelled", "end-1", "", r#"{"who":"mara"}"#)),
        asking(),
        asking()
            + &add(
                10,
                9100,
                "permission.resolved",
                "answer-1",
                "m3k9a2xr-2",
                r#"{"decision":"deny","who":"mara","digest":"x","why":"use std"}"#,
            ),
        asking()
            + &add(
                10,
                9100,
                "permission.resolved",
                "answer-1",
                "m3k9a2xr-2",
                r#"{"decision":"allow","who":"mara","digest":"x"}"#,
            ),
        first(10)
            + &add(
                11,
                9100,
                "tool.failed",
                "t-1",
                "t7wq2c5d-2",
                r#"{"code":"interrupted","message":"the tool's process is gone"}"#,
            ),
        first(6)
            + &add(
                7,
                9100,
                "model.failed",
                "f-1",
                "m3k9a2xr-1",
                r#"{"code":"cut","message":"the stream ended early","text":"Half a sen","dropped_call":"edit"}"#,
            ),
    ];
    screen("ends", |style| {
        let mut out = Vec::new();
        for log in &cases {
            let all = whole_run(log, &facts(), Style { plain: true, ..*style }, &[]);
            out.extend(all.into_iter().skip(2));
            out.push(Text::of(ace_view::Role::Plain, "--"));
        }
        out
    });
}

#[test]
fn tail() {
    let now = time::moment("2026-11-20T06:41:05.500Z").unwrap();
    let delta = |data: &str| {
        format!(r#"{{"after":6,"v":1,"id":"d","turn":1,"by":"ace-model","type":"model.delta","data":{data}}}"#)
    };
    screen("tail", |style| {
        let mut out = Vec::new();
        let cut = |out: &mut Vec<Text>| out.push(Text::of(ace_view::Role::Plain, "--"));
        let feed = |log: &str| {
            let mut view = RunView::new(*style);
            view.begin(&SessionFacts { answerable: true, ..facts() });
            for line in lines(log) {
                view.recorded(&line);
            }
            view
        };
        // Running: two reads, then one row for what is too much.
        let log = first(20);
        out.extend(feed(&log).tail(now, 24));
        cut(&mut out);
        let mut many = log.clone();
        for i in 0..11u64 {
            many += &add(
                30 + 3 * i,
                3000,
                "model.tool_call_requested",
                &format!("c-{i}"),
                "",
                r#"{"tool":"read","args":{"path":"a/b"}}"#,
            );
            many += &add(
                31 + 3 * i,
                3000,
                "permission.resolved",
                &format!("r-{i}"),
                &format!("c-{i}"),
                r#"{"decision":"allow","who":"rule","digest":"x"}"#,
            );
            many += &add(32 + 3 * i, 3000, "tool.started", &format!("s-{i}"), &format!("r-{i}"), "{}");
        }
        out.extend(feed(&many).tail(now, 10));
        cut(&mut out);
        // The model: counting, silent, busy, thinking and speaking.
        let log = first(6);
        let mut view = feed(&log);
        out.extend(view.tail(now, 24));
        cut(&mut out);
        out.extend(view.tail(now + 9_000, 24));
        cut(&mut out);
        let chalk =
            |view: &mut RunView, data: &str, at: i64| view.chalk(&Line::parse(delta(data).as_bytes()).unwrap(), at);
        out.extend(chalk(&mut view, r#"{"note":"anthropic busy (529), try 2 of 5 in 4 s"}"#, now));
        out.extend(view.tail(now, 24));
        cut(&mut out);
        out.extend(chalk(&mut view, r#"{"reasoning":"First"}"#, now));
        out.extend(chalk(&mut view, r#"{"reasoning":" then"}"#, now + 4_200));
        out.extend(chalk(&mut view, r##"{"text":"# Plan\n\n\nUse `awk` and **"}"##, now + 4_300));
        out.extend(view.tail(now + 4_300, 24));
        cut(&mut out);
        out.extend(chalk(&mut view, r#"{"text":"care**\nThen"}"#, now + 4_400));
        out.extend(view.tail(now + 4_400, 24));
        cut(&mut out);
        // A question.
        out.extend(feed(&asking()).tail(now, 24));
        out
    });
}

#[test]
fn questions() {
    let args = r##"{"tool":"edit","args":{"path":"median.awk","old":"  print v[int((NR + 1) / 2)]\n","new":"  print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2\n"}}"##;
    let odd = r#"{"tool":"shell","args":{"command":"cargo add serde \\\n  --features derive,rc,alloc --no-default-features --rename serde_but_with_a_long_name\nrm -rf \u202e/tmp"}}"#;
    let why = r#"{"addressee":"user","why":"mode ask asks about it","rule":"mode-ask"}"#;
    let log = first(6)
        + &add(7, 2000, "model.tool_call_requested", "c-1", "", args)
        + &add(8, 2000, "model.tool_call_requested", "c-2", "", odd)
        + &add(9, 2000, "permission.requested", "p-1", "c-1", why)
        + &add(10, 2000, "permission.requested", "p-2", "c-2", why);
    screen("questions", |style| {
        let mut view = RunView::new(*style);
        view.begin(&facts());
        for line in lines(&log) {
            view.recorded(&line);
        }
        let patch =
            "@@ -8 +8 @@\n-  print v[int((NR + 1) / 2)]\n+  print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2\n";
        let mut out = Vec::new();
        for (i, call) in view.ledger().waiting().enumerate() {
            let asked = &call.asked.as_ref().unwrap().1;
            for patch in [None, Some(patch)].into_iter().take(2 - i) {
                let question = ask::Question { call, asked, position: (i + 1, 2), patch };
                out.extend(ask::block(&question, &facts(), style));
                out.extend(ask::keys(i > 0, i > 0, i > 0, style));
                out.push(Text::new());
            }
        }
        let rule = Proposal { tool: "shell".to_owned(), command: "cargo add ...".to_owned(), paths: Vec::new() };
        for scope in [Scope::Session, Scope::Project, Scope::Always] {
            out.extend(ask::lasting(scope, &rule, style));
        }
        out
    });
}

#[test]
fn ci() {
    screen("ci", |style| {
        let mut view = CiView::new(*style, 10_000);
        let mut out = view.begin(&facts());
        let start = time::moment("2026-11-20T06:41:00Z").unwrap();
        view.progress(start);
        for line in lines(RUN) {
            out.extend(view.recorded(&line));
            if line.seq == Some(38) {
                out.extend(view.progress(start + 9_999));
                out.extend(view.progress(start + 10_000));
                out.extend(view.progress(start + 10_001));
            }
        }
        out.extend(view.verdict());
        out
    });
}

#[test]
fn sessions() {
    let row = |mark, name: &str, state: &str, project: &str, model: &str, cost, changed, age| Row {
        mark,
        name: name.to_owned(),
        state: state.to_owned(),
        project: project.to_owned(),
        model: model.to_owned(),
        cost,
        changed,
        age,
    };
    let (minute, hour) = (60_000, 3_600_000);
    let rows = [
        row(Mark::Waits, "add-serde", "asks: cargo add serde", "stats", "sonnet", Some(41_200), (1, 12, 3), 2 * minute),
        row(
            Mark::Runs,
            "port-to-gix",
            "turn 4, shell make test",
            "gitty",
            "gpt",
            Some(312_000),
            (9, 410, 88),
            9 * minute,
        ),
        row(Mark::Done, "fix-median", "done, not landed", "stats", "sonnet", Some(23_100), (1, 1, 1), hour),
        row(Mark::Failed, "bump-deps", "stopped by budget", "stats", "flash", Some(1_000_000), (2, 40, 9), 3 * hour),
    ];
    screen("ls", |style| list::sessions(&rows, style));
    let mut unpriced = rows.to_vec();
    unpriced.truncate(1);
    unpriced[0].cost = None;
    unpriced[0].changed = (0, 0, 0);
    unpriced[0].state =
        "asks: cargo add serde --features derive \u{202e} and a command that is longer than any row".to_owned();
    screen("ls-odd", |style| [list::sessions(&unpriced, style), list::sessions(&[], style)].concat());
}

#[test]
fn worktrees_and_checks() {
    let tree = |mark, name: &str, commits, dirty, merged, disk, age| Tree {
        mark,
        name: name.to_owned(),
        branch: format!("ace/{name}"),
        commits,
        dirty,
        merged,
        disk,
        age,
        can_go: merged && !dirty,
    };
    let trees = [
        tree(Mark::Runs, "port-to-gix", 3, true, false, 1_288_490_189, 540_000),
        tree(Mark::Done, "tidy-readme", 0, false, true, 48 * 1024, 172_800_000),
    ];
    screen("worktrees", |style| list::worktrees(&trees, style));
    let check = |mark, name: &str, found: &str, cure: &str| Check {
        mark,
        name: name.to_owned(),
        found: found.to_owned(),
        cure: cure.to_owned(),
    };
    let checks = [
        check(Mark::Done, "sandbox", "landlock 6, seccomp, network namespace", ""),
        check(Mark::Done, "anthropic", "ANTHROPIC_API_KEY is set, answers in 412 ms, tools yes", ""),
        check(Mark::Warns, "ollama", "not running, needed for local models only", "ollama serve"),
        check(Mark::Done, "home", "~/.local/share/ace, 212 MiB used, 14.1 GiB free, sync 0.1 ms", ""),
    ];
    screen("doctor", |style| list::checks(&checks, style));
    screen("recover", |style| {
        let places = ["/a/sessions/06fz3k9q2mtw8c1d/torn-4711", "/a/sessions/06fz3k9q2mtw8c1d.damaged-20261120T064100"];
        list::recovered("fix-median", 16, 16, (27, 12_345), places, style)
    });
    screen("verify", |style| list::verified("fix-median", 43, 5, (43, "9c1f04aa77"), style));
}

#[test]
fn looking() {
    let head = show::Head {
        name: "fix-median".to_owned(),
        id: "06fz3k9q2mtw8c1d".to_owned(),
        state: "done, not landed".to_owned(),
    };
    let all = lines(RUN);
    screen("show", |style| show::session(&head, &all, &TimeZone::UTC, false, style));
    screen("show-full", |style| show::session(&head, &all, &TimeZone::UTC, true, style));
    screen("show-record", |style| {
        let mut out = Vec::new();
        for seq in [2, 11, 29, 36, 42, 5, 99] {
            out.push(Text::of(ace_view::Role::Plain, format!("-- @{seq}")));
            out.extend(show::record(&all, seq, style).unwrap_or_default());
        }
        out
    });
    screen("log", |style| {
        let mut view = LogView::default();
        all.iter().flat_map(|l| view.record(l, &TimeZone::UTC, false, style)).collect()
    });
    screen("log-whole", |style| {
        let mut view = LogView::default();
        all[..12].iter().flat_map(|l| view.record(l, &TimeZone::UTC, true, style)).collect()
    });
}
