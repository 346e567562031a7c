//! `ace-replay distil`: a session as a scenario that expects what happened. Only what the record holds goes into it.

use ace_cli::replay::Distil;
use ace_cli::{Complaint, Exit};
use ace_front::{Opening, clock, random, sessions, words};
use ace_host::{Scratch, pool, pools};
use ace_replay::scenario::{CASSETTE, EXPECTED, Expect, FILE, FILES, FileExpected, Reply, Scenario, USER, is_inside};
use ace_replay::{Call, Story, Verdict, cassette, judge, verdict};
use ace_schema::data::{BlobRef, Limits, UserMessage};
use ace_schema::permission::Decision;
use ace_schema::{limits, question};
use ace_worktree as git;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use crate::PROGRAM;
use crate::folder::{copy, files};
use crate::tell::{count, no};

/// Writes the folder.
pub fn distil(opening: &Opening, args: &Distil) -> Result<Exit, Complaint> {
    let name = args.session.place_text();
    let (log, all) = sessions::load_unread(opening, &args.session)?;
    let lines = sessions::lines(opening, &args.session, &all)?;
    let lines: Vec<_> =
        lines.into_iter().take_while(|line| args.session.seq.is_none_or(|seq| line.seq <= Some(seq))).collect();
    let story = Story::of(&lines);
    if args.folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        let what = format!("'{}' is there already, and not empty", args.folder.display());
        return Err(Complaint::new(PROGRAM, Exit::Usage, what));
    }
    let resolve =
        |blob: &BlobRef| log.blobs().get(&blob.sha).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let said = |message: &UserMessage| message.blob.as_ref().map_or(Some(message.text.clone()), &resolve);
    let prompts: Vec<String> = story.turns.iter().map(|turn| said(&turn.message).unwrap_or_default()).collect();
    if prompts.iter().all(|prompt| prompt.trim().is_empty()) {
        return Err(no(format!("nobody has said anything in '{name}'")));
    }
    let cannot = |e| Complaint::io(PROGRAM, &format!("cannot write '{}'", args.folder.display()), &e);
    std::fs::create_dir_all(&args.folder).map_err(cannot)?;
    let place = story.created.worktree.as_ref().map_or(&story.created.cwd, |tree| &tree.path).clone();
    let changed = write_files(opening, &story, &args.folder)?;
    let now = verdict(&story.state);
    let scenario = Scenario {
        about: args.about.clone().unwrap_or_default(),
        prompts,
        mode: story.created.mode,
        seconds: 0,
        answers: story.calls().filter(|call| call.by_person()).map(reply).collect(),
        expect: Expect {
            verdict: Some(now).filter(|now| *now != Verdict::Open),
            calls: Some(story.calls().map(|call| judge::told(call, &place)).collect()),
            files: changed,
            ..Expect::default()
        },
    };
    let rows = cassette::of(&story, &place, &resolve);
    std::fs::write(args.folder.join(FILE), scenario.text()).map_err(cannot)?;
    std::fs::write(args.folder.join(CASSETTE), cassette::text(&rows)).map_err(cannot)?;
    let config = config(&story.created.limits);
    if !config.is_empty() {
        std::fs::create_dir_all(args.folder.join(USER)).map_err(cannot)?;
        std::fs::write(args.folder.join(USER).join("config.toml"), config).map_err(cannot)?;
    }
    tell(&story, now);
    if std::io::stderr().is_terminal() {
        let folder = args.folder.display();
        eprintln!("wrote {folder}: {}, {}", count(story.turns.len(), "prompt"), count(story.calls().count(), "call"));
        eprintln!("next  ace-replay check {folder}");
    }
    Ok(Exit::Done)
}

/// What a scenario cannot bring back.
fn tell(story: &Story, now: Verdict) {
    let note = |what: &str| ace_cli::note(PROGRAM, what, None, ace_cli::When::Auto);
    if now == Verdict::Open {
        note("the session is not over: no verdict is expected");
    }
    if now == Verdict::Cancelled {
        note("a person stopped it: a scenario cannot, so its verdict will be another");
    }
    if story.turns.iter().any(|turn| !turn.steered.is_empty()) {
        note("what steered a running turn is left out");
    }
    if story.turns.iter().any(|turn| !turn.message.images.is_empty()) {
        note("pictures are left out");
    }
    if story.created.repository.is_none() {
        note("it worked outside git: nothing is recorded of its files, so the scenario begins without any");
    }
}

/// A person's answer of then.
fn reply(call: &Call) -> Reply {
    let Some(decision) = &call.decision else { return Reply::default() };
    let allow = decision.decision == Decision::Allow;
    let text = if call.tool == question::TOOL { decision.answer.clone() } else { String::new() };
    Reply { allow, why: decision.why.clone(), text }
}

/// The limits of a session as configuration. Times are left out: a scenario's clock stands still.
fn config(of: &Limits) -> String {
    let mut out = String::new();
    for (key, value) in [("answers", of.answers), ("context", of.context)] {
        if value > 0 {
            out += &format!("limits.{key} = {value}\n");
        }
    }
    let quota = [("tokens", of.tokens), ("calls", of.calls), ("turns", of.turns)];
    for (key, value) in quota.into_iter().filter(|(_, value)| *value > 0) {
        out += &format!("quota.session.{key} = {value}\n");
    }
    out
}

/// Writes the files the session began with, and those it changed as they are at its end: what of them is expected.
fn write_files(opening: &Opening, story: &Story, folder: &Path) -> Result<Vec<FileExpected>, Complaint> {
    let failed = |e: git::Error| words::worktree(PROGRAM, &e);
    let cannot = |e| Complaint::io(PROGRAM, &format!("cannot write '{}'", folder.display()), &e);
    let created = &story.created;
    let Some(root) = created.repository.as_ref().map(|r| PathBuf::from(&r.root)) else { return Ok(Vec::new()) };
    let Some(pool) = pool(created, &pools(opening.home())).map_err(failed)? else { return Ok(Vec::new()) };
    let base = created.worktree.as_ref().map(|tree| tree.base.clone());
    let base = base.or(Some(story.state.commit.clone()).filter(|commit| !commit.is_empty()));
    let first =
        if story.first.is_empty() || created.worktree.is_some() { base.clone() } else { Some(story.first.clone()) };
    let Some(first) = first else { return Ok(Vec::new()) };
    let mut scratch = Scratch::make(opening.home(), &pool, (&root, base.as_deref()), "distil", (&clock(), random()))
        .map_err(failed)?;
    scratch.restore(&first).map_err(failed)?;
    let is_git = |path: &Path| path.components().next().is_some_and(|part| part.as_os_str() == ".git");
    for path in files(scratch.path()).map_err(cannot)?.iter().filter(|path| !is_git(path)) {
        copy(&scratch.path().join(path), &folder.join(FILES).join(path)).map_err(cannot)?;
    }
    let last = if story.state.tree.is_empty() { first.clone() } else { story.state.tree.clone() };
    let diff = pool.diff(&pool.tree(&first).map_err(failed)?, &pool.tree(&last).map_err(failed)?).map_err(failed)?;
    scratch.restore(&last).map_err(failed)?;
    let mut expected = Vec::new();
    for change in &diff.files {
        let Some(path) = change.path.to_str().filter(|path| is_inside(path)) else { continue };
        let there = scratch.path().join(path);
        let is_file =
            there.symlink_metadata().is_ok_and(|meta| meta.is_file() && meta.len() < limits::SCENARIO_FILES_BYTES);
        let absent = there.symlink_metadata().is_err();
        if is_file {
            copy(&there, &folder.join(EXPECTED).join(path)).map_err(cannot)?;
        }
        if is_file || absent {
            expected.push(FileExpected { path: path.to_owned(), same: is_file, absent, ..FileExpected::default() });
        }
    }
    Ok(expected)
}
