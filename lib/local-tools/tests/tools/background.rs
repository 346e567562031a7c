//! Kept shells, terminals and commands in the background.

use ace_schema::data::Code;
use serde_json::{Value, json};

use crate::scene::{Scene, completed, request};

/// Calls with numbers of their own, as a session makes them.
struct Story {
    scene: Scene,
    last: std::cell::Cell<u64>,
}

impl Story {
    fn new() -> Self {
        Self { scene: Scene::new(), last: 0.into() }
    }

    fn tell(&self, tool: &str, args: Value) -> String {
        self.last.set(self.last.get() + 1);
        let request = request(self.last.get(), tool, &args);
        completed(self.scene.bench.execute(&request, &ace_local_tools::Cancel::default(), &mut |_| {})).output.text
    }
}

#[test]
fn a_kept_command_leaves_its_folder_and_variables_to_the_next_kept_one_alone() {
    let story = Story::new();
    std::fs::create_dir(story.scene.root.join("sub")).unwrap();
    let told = story.tell("shell", json!({"command": "cd sub; export WORD='two\nlines'; LOCAL=1", "keep": true}));
    assert!(told.starts_with("[now in ") && told.ends_with("/sub]\n"), "{told}");
    let told = story.tell("shell", json!({"command": "basename \"$PWD\"; echo \"$WORD-$LOCAL\"", "keep": true}));
    assert_eq!(told, "sub\ntwo\nlines-\n");
    let told = story.tell("shell", json!({"command": "basename \"$PWD\"; echo \"[$WORD]\""}));
    assert_eq!(told, "tree\n[]\n");
    assert_eq!(std::fs::read_dir(&story.scene.place.tmp).unwrap().count(), 0);
}

#[test]
fn a_kept_command_that_fails_or_is_killed_says_what_is_kept() {
    let story = Story::new();
    story.tell("shell", json!({"command": "export A=1", "keep": true}));
    let request_exit = request(50, "shell", &json!({"command": "export A=2; exit 3", "keep": true}));
    let done = completed(story.scene.bench.execute(&request_exit, &ace_local_tools::Cancel::default(), &mut |_| {}));
    assert_eq!(done.exit, Some(3));
    let told = story.tell("shell", json!({"command": "echo $A; export A=9; kill -9 $$", "keep": true}));
    assert_eq!(told, "2\n[the working directory and variables are as before this command]\n");
    assert_eq!(story.tell("shell", json!({"command": "echo $A", "keep": true})), "2\n");
    // The folder goes away: the next one begins in the worktree.
    std::fs::create_dir(story.scene.root.join("x")).unwrap();
    story.tell("shell", json!({"command": "cd x", "keep": true}));
    std::fs::remove_dir(story.scene.root.join("x")).unwrap();
    assert!(
        story.tell("shell", json!({"command": "pwd", "keep": true})).starts_with(story.scene.root.to_str().unwrap())
    );
}

#[test]
fn a_terminal_is_there_when_it_is_asked_for() {
    let story = Story::new();
    assert_eq!(
        story.tell("shell", json!({"command": "test -t 0 && test -t 1 && echo yes; stty size", "terminal": true})),
        "yes\n50 120\n"
    );
    assert_eq!(story.tell("shell", json!({"command": "test -t 1 || echo no"})), "no\n");
}

#[test]
fn a_background_command_is_read_typed_into_and_killed() {
    let story = Story::new();
    let told = story
        .tell("shell", json!({"command": "while read line; do echo got $line; done; echo end", "background": true}));
    assert_eq!(told, "[job 1 runs]\n");
    let told = story.tell("job", json!({"id": "1", "input": "a\nb\n", "wait_ms": 400}));
    assert_eq!(told, "got a\ngot b\n[job 1 runs]\n");
    assert_eq!(story.tell("job", json!({"id": "job 1"})), "[job 1 runs]\n");
    assert!(story.tell("job", json!({})).contains("job 1  runs, 12 bytes of output, 0 unread  while read line"));
    let told = story.tell("job", json!({"id": "1", "kill": true}));
    assert!(told.starts_with("[job 1 signal 15]"), "{told}");
    let told = story.tell("job", json!({"id": "1", "offset": 0}));
    assert!(told.starts_with("got a\ngot b\n[job 1: signal 15, "), "{told}");
    assert!(told.ends_with("bytes 0 to 12 of 12]\n"), "{told}");
}

#[test]
fn a29_what_a_background_command_says_lies_under_no_name() {
    let story = Story::new();
    story.tell("shell", json!({"command": "seq 1 20000; exec sleep 600", "background": true}));
    let told = eventually(|| story.tell("job", json!({"id": "1", "offset": 0})), |told| told.contains("of 108,894"));
    assert!(told.starts_with("1\n2\n3\n"), "{told}");
    // Page after page gives all of it, and nothing twice.
    let (mut all, mut offset) = (String::new(), Some(0));
    while let Some(from) = offset {
        let told = story.tell("job", json!({"id": "1", "offset": from}));
        let (page, line) = told.split_once("[job 1: ").unwrap();
        all.push_str(page);
        offset = line.split_once("offset ").map(|(_, n)| n.trim_end_matches("]\n").parse::<u64>().unwrap());
    }
    assert_eq!(all, (1..=20_000).map(|n| format!("{n}\n")).collect::<String>());
    // In the middle of a word: from the next one on.
    let middle = story.tell("job", json!({"id": "1", "offset": 108_890}));
    assert!(middle.starts_with("[job 1: runs"), "{middle}");
    assert_eq!(std::fs::read_dir(&story.scene.place.tmp).unwrap().count(), 0, "a name in the temporary folder");
    story.tell("job", json!({"id": "1", "kill": true}));
}

#[test]
fn a29_a_long_output_lies_under_no_name_before_its_call_has_ended() {
    let story = Story::new();
    let look = format!("seq 1 20000; ls -A '{}'; echo that was all", story.scene.place.tmp.display());
    let told = story.tell("shell", json!({ "command": look }));
    assert!(told.ends_with("\n20000\nthat was all\n"), "{told}");
    let kept = std::fs::read_dir(&story.scene.place.tmp).unwrap().next().unwrap().unwrap().path();
    assert!(std::fs::read_to_string(kept).unwrap().starts_with("1\n2\n"));
}

/// Asks until it is so, or for a minute.
fn eventually(mut ask: impl FnMut() -> String, is_so: impl Fn(&str) -> bool) -> String {
    for _ in 0..600 {
        let told = ask();
        if is_so(&told) {
            return told;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("not within a minute: {}", ask())
}

#[test]
fn a_background_command_that_fails_at_once_says_so() {
    let story = Story::new();
    let told = story.tell("shell", json!({"command": "echo no such thing >&2; exit 7", "background": true}));
    assert!(told.starts_with("no such thing\n[job 1 exit 7]"), "{told}");
    let failed = story.scene.failed("job", json!({"id": "1", "input": "x"}));
    assert_eq!(failed.code, Code::Arguments);
    assert!(story.scene.failed("job", json!({"id": "9"})).message.contains("no job '9'"));
}

#[test]
fn f13_a_flood_in_the_background_keeps_head_and_tail() {
    let story = Story::new();
    story.tell("shell", json!({"command": "sleep 0.6; seq 1 100000; echo last", "background": true}));
    let told = story.tell("job", json!({"id": "1", "wait_ms": 20000}));
    assert!(told.starts_with("1\n2\n") && told.contains("bytes left out") && told.len() < 20_000, "{}", told.len());
    assert!(told.ends_with("100000\nlast\n[job 1 exit 0]\n"));
}

#[test]
fn no_more_than_so_many_run_at_once() {
    let story = Story::new();
    for _ in 0..ace_schema::limits::JOBS {
        story.tell("shell", json!({"command": "sleep 600", "background": true}));
    }
    let failed = story.scene.failed("shell", json!({"command": "sleep 600", "background": true}));
    assert!(failed.message.contains("kill one first"), "{}", failed.message);
    story.tell("job", json!({"id": "3", "kill": true}));
    story.tell("shell", json!({"command": "sleep 600", "background": true}));
    for n in 1..=ace_schema::limits::JOBS as u64 + 1 {
        if n != 3 {
            story.tell("job", json!({"id": n.to_string(), "kill": true}));
        }
    }
}

#[test]
fn steps_are_written_down() {
    let scene = Scene::new();
    let items = json!([{"text": "look", "state": "done"}, {"text": "mend\nit", "state": "doing"}, {"text": "test", "state": "open"}]);
    assert_eq!(scene.told("todo", json!({"items": items})), "[x] look\n[>] mend it\n[ ] test\n1 of 3 done\n");
    assert!(
        scene.failed("todo", json!({"items": [{"text": "x", "state": "later"}]})).message.contains("item 1: state is")
    );
    assert!(scene.failed("todo", json!({"items": 3})).message.contains("wants a list"));
}
