//! The browser's part: its own tests, its size, and the whole of it in a real browser against the real server. Where npm or
//! Chromium is missing the tests say SKIPPED.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::suite::programs;

fn skipped(why: &str) {
    println!("SKIPPED ui: {why}");
    assert!(std::env::var_os("CI").is_none(), "SKIPPED ui: {why}: CI can do better");
}

fn npm(folder: &Path, args: &[&str]) -> Result<Output, String> {
    Command::new("npm").args(args).current_dir(folder).output().map_err(|e| format!("no npm here: {e}"))
}

fn said(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

/// Installs and builds it, once for all tests of a run; `None` if npm is not there. What a developer has built is not built again.
fn built() -> Option<&'static PathBuf> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let made = FOLDER.get_or_init(|| {
        let folder = crate::generated::root("bins/ace-serve/ui");
        let newer = |a: &Path, b: &str| {
            let time = |p: &Path| p.metadata().and_then(|m| m.modified()).ok();
            time(a) > time(&folder.join(b))
        };
        if newer(&folder.join("package-lock.json"), "node_modules/.package-lock.json") {
            let out = npm(&folder, &["ci", "--no-audit", "--no-fund", "--silent"])?;
            if !out.status.success() {
                return Err(format!("npm cannot install it: {}", said(&out)));
            }
        }
        let sources = crate::suite::files(&folder.join("src"));
        if sources.iter().any(|file| newer(file, "dist/index.html")) {
            let out = npm(&folder, &["run", "--silent", "build"])?;
            assert!(out.status.success(), "{}", said(&out));
        }
        Ok(folder)
    });
    made.as_ref().inspect_err(|why| skipped(why)).ok()
}

/// Runs one of its scripts.
fn script(name: &str) {
    let Some(folder) = built() else { return };
    let out = npm(folder, &["run", "--silent", name]).unwrap();
    assert!(out.status.success(), "{}", said(&out));
}

#[test]
fn the_fold_the_texts_and_the_generated_types_hold() {
    script("test");
}

#[test]
fn it_is_small_enough_to_load_at_once() {
    script("size");
}

/// One browser at a time: each is several processes, and other tests run beside it.
static BROWSER: Mutex<()> = Mutex::new(());

/// Runs one case of `e2e` in a browser.
fn case(name: &str) {
    let Some(folder) = built() else { return };
    let _alone = BROWSER.lock().unwrap_or_else(PoisonError::into_inner);
    if !programs().join("ace-serve").exists() {
        println!("SKIPPED ui: this build has no ace-serve");
        return;
    }
    let mut command = Command::new("node");
    command.args(["e2e/run.mjs", name]).current_dir(folder);
    command.env("ACE_PROGRAMS", programs()).env("ACE_SHOTS", Path::new(env!("CARGO_TARGET_TMPDIR")).join("ui"));
    let out = command.output().unwrap();
    let words = said(&out);
    if out.status.code() == Some(2) && words.contains("no chromium") {
        return skipped("no chromium here");
    }
    assert!(out.status.success(), "{words}");
}

#[test]
fn a_session_of_a_terminal_is_seen_live_by_two_browsers() {
    case("a_session_of_a_terminal_is_seen_live_by_two_browsers");
}

#[test]
fn b15_p56_p57_what_the_log_says_is_never_markup() {
    case("b15_p56_p57_what_the_log_says_is_never_markup");
}

#[test]
fn the_past_is_shown_as_it_was() {
    case("the_past_is_shown_as_it_was");
}

#[test]
fn a_view_comes_to_life_when_the_link_is_opened_anywhere() {
    case("a_view_comes_to_life_when_the_link_is_opened_anywhere");
}

#[test]
fn f24_a_long_session_opens_at_once_and_scrubs_anywhere() {
    case("f24_a_long_session_opens_at_once_and_scrubs_anywhere");
}

#[test]
fn a_killed_server_costs_a_viewer_nothing() {
    case("a_killed_server_costs_a_viewer_nothing");
}

#[test]
fn b29_a_shared_link_reads_one_session_and_ends() {
    case("b29_a_shared_link_reads_one_session_and_ends");
}

#[test]
fn nothing_serious_for_axe_in_the_dark() {
    case("nothing_serious_for_axe_in_the_dark");
}

#[test]
fn nothing_serious_for_axe_in_the_light() {
    case("nothing_serious_for_axe_in_the_light");
}

#[test]
fn nothing_serious_for_axe_on_a_phone() {
    case("nothing_serious_for_axe_on_a_phone");
}

#[test]
fn the_keyboard_reaches_everything() {
    case("the_keyboard_reaches_everything");
}

#[test]
fn a_decision_is_made_once_for_the_session_or_never() {
    case("a_decision_is_made_once_for_the_session_or_never");
}

#[test]
fn a_rule_is_written_as_the_person_words_it() {
    case("a_rule_is_written_as_the_person_words_it");
}

#[test]
fn a_question_of_the_model_is_answered() {
    case("a_question_of_the_model_is_answered");
}

#[test]
fn messages_queue_steer_and_a_turn_is_cancelled() {
    case("messages_queue_steer_and_a_turn_is_cancelled");
}

#[test]
fn a_past_is_forked_and_rewound() {
    case("a_past_is_forked_and_rewound");
}

#[test]
fn sessions_begin_here_one_or_several() {
    case("sessions_begin_here_one_or_several");
}

#[test]
fn a_comment_on_a_line_is_the_next_message() {
    case("a_comment_on_a_line_is_the_next_message");
}

#[test]
fn work_lands_and_worktrees_go() {
    case("work_lands_and_worktrees_go");
}

#[test]
fn a_terminal_goes_on_where_it_was_left() {
    case("a_terminal_goes_on_where_it_was_left");
}

#[test]
fn b29_a_link_is_made_and_taken_back_here() {
    case("b29_a_link_is_made_and_taken_back_here");
}

#[test]
fn a_terminal_and_a_browser_answer_each_other() {
    case("a_terminal_and_a_browser_answer_each_other");
}

#[test]
fn scenarios_are_run_and_their_runs_opened() {
    case("scenarios_are_run_and_their_runs_opened");
}
