//! The worktree programs: what a session changed, the way home, and that no work is ever lost.

use crate::run::{calls_then, shell};
use crate::server::{Reply, Server};
use crate::suite::World;

/// A session `go` that ran this in its worktree, in a repository with `file`.
fn after(command: &str) -> World {
    let world = World::with_model(calls_then(command, "ok")).repository(&[("file", "one\ntwo\nthree\n")]);
    let _ = world.run("ace", &["run", "-q", "--mode", "auto", "go"]).ok();
    world
}

fn file(world: &World) -> String {
    std::fs::read_to_string(world.project().join("file")).unwrap()
}

#[test]
fn diff_is_a_patch_of_all_that_changed_new_files_too() {
    let world = after("sed -i s/two/2/ file; echo new > new.txt");
    for line in ["ace diff go", "ace-worktree diff @last"] {
        let patch = world.sh(line).ok();
        assert!(patch.contains("-two\n+2\n") && patch.contains("+++ b/new.txt"), "{patch}");
    }
    assert_eq!(world.run("ace", &["diff", "go", "--stat"]).ok(), "file  +1 -1\nnew.txt  +1 -0\n");
    assert_eq!(world.sh("ace diff go | git apply --check && echo applies").ok(), "applies\n");
    assert_eq!(file(&world), "one\ntwo\nthree\n");
}

#[test]
fn landing_moves_the_branch_forward_and_records_it() {
    let world = after("sed -i s/two/2/ file; echo new > new.txt");
    assert_eq!(world.run("ace", &["land", "go"]).ok(), "", "nothing is said into a pipe");
    assert_eq!(file(&world), "one\n2\nthree\n");
    assert!(world.project().join("new.txt").exists());
    let log = world.git(&["log", "-1", "--format=%B"]);
    assert!(log.starts_with("go\n") && log.contains(&format!("Ace-Session: {}", world.sessions()[0])), "{log}");
    let landed = world.last("@only", "worktree.landed");
    assert_eq!((&landed["into"], &landed["how"]), (&"main".into(), &"forward".into()), "{landed}");
    assert_eq!(world.git(&["status", "--porcelain"]), "");
}

#[test]
fn landing_twice_says_that_nothing_is_left_to_land() {
    let world = after("echo new > new.txt");
    let _ = world.run("ace", &["land", "go"]).ok();
    let run = world.run("ace", &["land", "go"]).fails(1, &[]);
    assert_eq!(run.stderr, "ace-worktree: nothing to land: all of ace/go is on main\n");
    assert_eq!(world.types("@only").iter().filter(|t| *t == "worktree.landed").count(), 1);
}

#[test]
fn landing_on_a_branch_that_moved_merges() {
    let world = after("sed -i s/two/2/ file");
    std::fs::write(world.project().join("other"), "mine\n").unwrap();
    let _ = world.git(&["add", "-A"]);
    let _ = world.git(&["commit", "-qm", "mine"]);
    let _ = world.run("ace", &["land", "go"]).ok();
    assert_eq!(file(&world), "one\n2\nthree\n");
    assert!(world.project().join("other").exists());
    assert_eq!(world.last("@only", "worktree.landed")["how"], "merge");
    assert_eq!(world.git(&["rev-list", "--count", "--merges", "HEAD"]).trim(), "1");
}

#[test]
fn a_conflict_is_named_and_nothing_is_changed() {
    let world = after("sed -i s/two/2/ file");
    std::fs::write(world.project().join("file"), "one\nTWO\nthree\n").unwrap();
    let _ = world.git(&["commit", "-qam", "mine"]);
    let head = world.git(&["rev-parse", "HEAD"]);
    let run = world.run("ace", &["land", "go"]);
    let _ = run
        .fails(1, &["ace-worktree: both sides changed file (the same lines, yours in ", "hint: nothing was changed"]);
    assert_eq!((world.git(&["rev-parse", "HEAD"]), file(&world)), (head, "one\nTWO\nthree\n".to_owned()));
    assert!(!world.types("@only").contains(&"worktree.landed".to_owned()));
}

#[test]
fn a_dirty_tree_that_is_in_the_way_is_refused() {
    let world = after("sed -i s/two/2/ file");
    std::fs::write(world.project().join("file"), "unsaved\n").unwrap();
    let run = world.run("ace", &["land", "go"]);
    let _ = run.fails(1, &["ace-worktree: uncommitted changes are in the way: file\n", "hint: commit or stash them"]);
    assert_eq!(file(&world), "unsaved\n");
}

#[test]
fn a_session_in_place_has_nothing_to_diff_or_land() {
    let world = World::with_model(calls_then("true", "ok")).repository(&[]);
    let _ = world.run("ace", &["run", "-q", "--no-worktree", "--mode", "auto", "go"]).ok();
    let _ = world.run("ace", &["diff", "go"]).fails(1, &["'go' works in place", "hint: git diff"]);
    let _ = world.run("ace", &["land", "go"]).fails(1, &["'go' works in place"]);
}

#[test]
fn a_worktree_without_a_session_is_made_listed_and_pruned() {
    let world = World::new().repository(&[("file", "x\n")]);
    let path = world.run("ace-worktree", &["create", "try-it"]).ok();
    assert!(std::path::Path::new(path.trim()).join("file").exists());
    let list = world.run("ace-worktree", &["list"]).ok();
    assert!(list.contains("ace/try-it") && list.contains("1 worktree"), "{list}");
    let json: serde_json::Value = serde_json::from_str(&world.run("ace-worktree", &["list", "--json"]).ok()).unwrap();
    assert_eq!((&json["branch"], &json["path"]), (&"ace/try-it".into(), &path.trim().into()));
    let dry = world.run("ace-worktree", &["prune", "--dry-run"]).done();
    assert!(format!("{}{}", dry.stdout, dry.stderr).contains("would remove ace/try-it"), "{dry:?}");
    assert!(std::path::Path::new(path.trim()).exists());
    let _ = world.run("ace", &["prune"]).done();
    assert!(!std::path::Path::new(path.trim()).exists());
}

#[test]
fn prune_keeps_what_would_be_lost_and_takes_what_has_landed() {
    let world = after("echo new > new.txt");
    let place = world.place("@only");
    let _ = world.run("ace", &["prune"]).done();
    assert!(place.join("new.txt").exists(), "uncommitted work stays");
    let _ = world.git(&["-C", place.to_str().unwrap(), "add", "-A"]);
    let _ = world.git(&["-C", place.to_str().unwrap(), "commit", "-qm", "work"]);
    let _ = world.run("ace", &["prune"]).done();
    assert!(place.exists(), "commits that are nowhere else stay");
    let _ = world.run("ace", &["land", "go"]).ok();
    let _ = world.run("ace", &["prune"]).done();
    assert!(!place.exists());
    assert!(world.run("ace", &["show", "go"]).ok().contains("session go"), "the log stays");
}

#[test]
fn remove_refuses_to_lose_work_unless_forced() {
    let world = after("echo new > new.txt");
    let place = world.place("@only");
    let _ = world.run("ace-worktree", &["remove", "go"]).fails(1, &["ace-worktree: "]);
    assert!(place.join("new.txt").exists());
    let _ = world.run("ace-worktree", &["remove", "go", "--force"]).done();
    assert!(!place.exists());
    for line in ["ace diff go", "ace land go", "ace-worktree remove go"] {
        let _ = world.sh(line).fails(1, &["ace-worktree: the worktree of 'go' was removed\n", "hint: "]);
    }
}

#[test]
fn outside_a_repository_there_are_no_worktrees() {
    let run = World::new().run("ace-worktree", &["list"]).fails(2, &[]);
    assert!(run.stderr.starts_with("ace-worktree: not a git repository"), "{}", run.stderr);
}

#[test]
fn two_sessions_at_once_do_not_meet() {
    let by = |answers| match answers {
        0 => Reply::Calls("", vec![shell("echo mine >> file; sleep 0.05; wc -l < file")]),
        _ => Reply::Text("ok"),
    };
    let world = World::with_model(Server::by(by)).repository(&[("file", "one\n")]);
    let children: Vec<_> =
        (0..3).map(|_| world.command("ace", &["run", "-q", "--mode", "auto", "go"]).spawn().unwrap()).collect();
    for child in children {
        let _ = crate::suite::finish(child, None).ok();
    }
    let mut names: Vec<_> =
        world.sessions().iter().map(|s| world.created(s)["worktree"]["branch"].to_string()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 3, "{names:?}");
    for session in world.sessions() {
        assert_eq!(world.last(&session, "tool.completed")["output"]["text"], "2\n");
    }
}
