//! Back and sideways: the state of files at every record, forks and rewinds, with the real programs and a scripted model.

use crate::durable::faults::strace;
use crate::run::shell;
use crate::server::{Reply, Server};
use crate::suite::{World, finish};
use serde_json::Value;
use std::path::PathBuf;

/// A model that runs these commands, one a turn, and says after each that it is done.
fn commands(all: &[&str]) -> Server {
    let all: Vec<String> = all.iter().map(|c| (*c).to_owned()).collect();
    Server::by(move |answers| match all.get(answers / 2) {
        Some(command) if answers % 2 == 0 => Reply::Calls("", vec![shell(command)]),
        _ => Reply::Text("done"),
    })
}

/// A session `work` with a turn for each command, in a worktree unless told otherwise.
pub fn worked(all: &[&str], args: &[&str]) -> World {
    let world = World::with_model(commands(all)).repository(&[("a.txt", "one\n"), (".gitignore", "*.tmp\n")]);
    for n in 0..all.len() {
        turn(&world, "work", n, args);
    }
    world
}

/// The first turn makes the session, further ones say something to it.
pub fn turn(world: &World, session: &str, n: usize, args: &[&str]) {
    let prompt = format!("turn {}", n + 1);
    if n == 0 {
        let all = [&["run", "--mode", "auto", "--name", session], args, &[prompt.as_str()]].concat();
        let _ = world.run("ace", &all).done();
    } else {
        world.run("ace", &["say", session, &prompt]).ok();
        let _ = world.run("ace-session", &["run", session]).done();
    }
}

/// The seq of the nth record of that type.
pub fn seq(world: &World, session: &str, ty: &str, n: usize) -> u64 {
    let all = world.log(session);
    all.iter().filter(|l| l["type"] == ty).nth(n).unwrap_or_else(|| panic!("{ty} {n}"))["seq"].as_u64().unwrap()
}

pub fn root(world: &World, session: &str) -> PathBuf {
    PathBuf::from(world.created(session)["worktree"]["path"].as_str().unwrap())
}

/// Files of a folder and what they hold, `.git` left out.
pub fn files(folder: &std::path::Path) -> String {
    let mut all: Vec<String> = crate::suite::files(folder)
        .into_iter()
        .filter(|f| !f.components().any(|c| c.as_os_str() == ".git") && !f.ends_with(".git"))
        .map(|f| format!("{}={}", f.strip_prefix(folder).unwrap().display(), std::fs::read_to_string(&f).unwrap()))
        .collect();
    all.sort();
    all.join("|").replace('\n', "")
}

pub const STEPS: [&str; 3] =
    ["echo two >> a.txt; echo b > b.txt", "rm a.txt; mkdir d; echo c > d/c.txt; echo x > x.tmp", "echo last > b.txt"];

/// The id of the only session with that name.
pub fn id(world: &World, name: &str) -> String {
    let find = |id: &&String| world.created(id)["name"] == name;
    world.sessions().iter().find(find).unwrap_or_else(|| panic!("no session {name}")).clone()
}

#[test]
fn every_call_that_may_write_names_the_tree_after_it() {
    let world = worked(&STEPS, &[]);
    let done: Vec<Value> =
        world.log("@only").into_iter().filter(|l| l["type"] == "tool.completed").map(|l| l["data"].clone()).collect();
    assert_eq!(
        done[0]["changed"],
        serde_json::json!([{"path": "a.txt", "added": 1, "removed": 0}, {"path": "b.txt", "added": 1, "removed": 0}])
    );
    assert!(done[0]["patch"].as_str().unwrap().contains("+++ b/a.txt\n@@ -1 +1,2 @@\n one\n+two\n"), "{}", done[0]);
    let paths = |d: &Value| -> Vec<String> {
        d["changed"].as_array().unwrap().iter().map(|c| c["path"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(paths(&done[1]), ["a.txt", "d/c.txt"], "what is ignored is no part of it");
    let trees: Vec<&str> = done.iter().map(|d| d["tree"].as_str().unwrap()).collect();
    assert!(trees.iter().all(|t| t.len() == 40) && trees[0] != trees[1] && trees[1] != trees[2]);
    assert!(!world.types("@only").contains(&"worktree.snapshot".to_owned()), "nothing happened outside of calls");
    world.run("ace-log", &["verify", "work"]).done().stdout.clear();
}

#[test]
fn what_changes_outside_of_calls_is_a_snapshot_before_the_next_one() {
    let world = World::with_model(commands(&STEPS)).repository(&[("a.txt", "one\n")]);
    turn(&world, "work", 0, &[]);
    std::fs::write(root(&world, "@only").join("mine.txt"), "by hand\n").unwrap();
    turn(&world, "work", 1, &[]);
    let snapshot = world.last("@only", "worktree.snapshot");
    assert_eq!((&snapshot["why"], &snapshot["changed"][0]["path"]), (&"outside".into(), &"mine.txt".into()));
    assert!(seq(&world, "@only", "worktree.snapshot", 0) < seq(&world, "@only", "tool.completed", 1));
}

#[test]
fn in_place_the_state_before_the_first_call_is_recorded_and_nothing_outside_git() {
    let world = World::with_model(commands(&STEPS)).repository(&[("a.txt", "one\n")]);
    std::fs::write(world.project().join("mine.txt"), "uncommitted\n").unwrap();
    turn(&world, "work", 0, &["--no-worktree"]);
    assert_eq!(world.last("@only", "worktree.snapshot")["why"], "base");
    // Taking the turn back keeps what was there before it.
    world.run("ace", &["undo", "work"]).ok();
    assert_eq!(files(&world.project()), "a.txt=one|mine.txt=uncommitted");
    let world = World::with_model(commands(&STEPS));
    turn(&world, "work", 0, &[]);
    let done = world.last("@only", "tool.completed");
    assert!(done.get("tree").is_none() && !world.ace_home().join("git").exists());
    let run = world.run("ace", &["undo", "work"]).done();
    assert!(world.project().join("b.txt").exists(), "{run:?}");
}

#[test]
fn a_way_back_moves_conversation_and_files_and_can_be_undone() {
    let world = worked(&STEPS, &[]);
    let root = root(&world, "@only");
    let last = files(&root);
    assert_eq!(
        last,
        "b.txt=last|d/c.txt=c|x.tmp=x|.gitignore=*.tmp"
            .split('|')
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
            .join("|")
    );
    std::fs::write(root.join("mine.txt"), "by hand\n").unwrap();
    let head = world.log("@only").len() as u64;
    let to = seq(&world, "@only", "turn.completed", 0);
    world.run("ace", &["rewind", &format!("work@{to}")]).ok();
    assert_eq!(files(&root), ".gitignore=*.tmp|a.txt=onetwo|b.txt=b|x.tmp=x", "what is ignored stays");
    let rewound = world.last("@only", "session.rewound");
    assert_eq!((rewound["to"].as_u64(), &rewound["who"]), (Some(to), &"tester".into()));
    assert_eq!(world.last("@only", "worktree.snapshot")["why"], "rewind");
    // The next turn is number four, and the model sees the first alone.
    turn(&world, "work", 3, &[]);
    let body = world.model.as_ref().unwrap().bodies().pop().unwrap();
    assert!(body.contains("turn 1") && body.contains("turn 4") && !body.contains("turn 2"), "{body}");
    assert_eq!(world.last("@only", "context.built")["ranges"][0], serde_json::json!([1, to]));
    world.run("ace-log", &["verify", "work"]).done().stdout.clear();
    // And back to before the way back, hand-made file and all.
    world.run("ace", &["rewind", &format!("work@{}", head + 1)]).ok();
    assert_eq!(files(&root).replace("|mine.txt=by hand", ""), last);
    assert!(root.join("mine.txt").exists());
}

#[test]
fn a_finished_session_that_went_back_is_a_fixed_point() {
    let world = worked(&STEPS[..2], &[]);
    world.run("ace", &["undo", "work"]).ok();
    let before = std::fs::read(world.log_file("@only")).unwrap();
    for filter in ["ace-session step", "ace-model", "ace-permit", "ace-tool"] {
        world.sh(&format!("ace-log cat work | {filter} | ace-log append work")).done().stdout.clear();
    }
    let _ = world.run("ace-session", &["run", "work"]).done();
    assert_eq!(std::fs::read(world.log_file("@only")).unwrap(), before);
}

#[test]
fn undo_twice_takes_two_turns_back() {
    let world = worked(&STEPS, &[]);
    let root = root(&world, "@only");
    world.run("ace", &["undo", "work"]).ok();
    assert_eq!(files(&root), ".gitignore=*.tmp|b.txt=b|d/c.txt=c|x.tmp=x");
    world.run("ace", &["undo", "work"]).ok();
    assert_eq!(files(&root), ".gitignore=*.tmp|a.txt=onetwo|b.txt=b|x.tmp=x");
    world.run("ace", &["undo", "work"]).ok();
    assert_eq!(files(&root), ".gitignore=*.tmp|a.txt=one|x.tmp=x");
    let _ = world.run("ace", &["undo", "work"]).fails(1, &["no turn to take back"]);
}

#[test]
fn a_fork_has_that_past_and_those_files_and_goes_on_by_itself() {
    let world = worked(&STEPS, &[]);
    let parent = id(&world, "work");
    let before = std::fs::read(world.log_file(&parent)).unwrap();
    let at = seq(&world, &parent, "tool.completed", 0);
    let out = world.run("ace", &["fork", &format!("work@{at}"), "--json"]).ok();
    let made: Value = serde_json::from_str(&out).unwrap();
    let child = made["id"].as_str().unwrap();
    assert_eq!((&made["name"], &made["branch"]), (&"work-2".into(), &"ace/work-2".into()));
    let folder = root(&world, child);
    assert_eq!(made["worktree"], folder.display().to_string());
    assert_eq!(files(&folder), ".gitignore=*.tmp|a.txt=onetwo|b.txt=b");
    let first = &world.log(child)[0];
    assert_eq!(
        (first["seq"].as_u64(), &first["data"]["forked_from"]["session"]),
        (Some(at + 1), &parent.as_str().into())
    );
    // Nothing is due until somebody says something; then the turn has a number of its own.
    let _ = world.run("ace-session", &["run", "work-2"]).done();
    assert_eq!(world.log(child).len(), 1);
    turn(&world, "work-2", 1, &[]);
    let body = world.model.as_ref().unwrap().bodies().pop().unwrap();
    assert!(body.contains("turn 1") && body.contains("turn 2") && !body.contains("turn 3"), "{body}");
    assert_eq!(world.log(child).last().unwrap()["type"], "turn.completed");
    // The past is the parent's own lines, and the whole is one chain.
    let cat = world.run("ace-log", &["cat", "work-2"]).ok();
    assert!(cat.starts_with(
        std::str::from_utf8(&before).unwrap().split_inclusive('\n').take(at as usize).collect::<String>().as_str()
    ));
    world.run("ace-log", &["verify", "work-2"]).done().stdout.clear();
    assert_eq!(std::fs::read(world.log_file(&parent)).unwrap(), before, "the parent is as it was");
    // It cannot lose its past.
    let _ = world.run("ace", &["rm", "--force", "work"]).fails(1, &["'work-2' goes on from 'work'"]);
    world.run("ace", &["rm", "--force", "work-2"]).ok();
    world.run("ace", &["rm", "--force", "work"]).ok();
}

#[test]
fn a_fork_of_a_fork_and_a_fork_before_the_first_call() {
    let world = worked(&STEPS[..2], &[]);
    let start = seq(&world, "@only", "turn.started", 0);
    world.run("ace", &["fork", &format!("work@{start}"), "--name", "early", "from the start"]).ok();
    assert_eq!(files(&root(&world, &id(&world, "early"))), ".gitignore=*.tmp|a.txt=one");
    world.run("ace", &["fork", "work", "--name", "late"]).ok();
    let late = id(&world, "late");
    turn(&world, "late", 2, &[]);
    let at = world.log(&late).last().unwrap()["seq"].as_u64().unwrap();
    world.run("ace", &["fork", &format!("late@{at}"), "--name", "latest"]).ok();
    world.run("ace", &["fork", &format!("late@{start}"), "--name", "again"]).ok();
    assert_eq!(
        world.created(&id(&world, "again"))["forked_from"]["session"],
        id(&world, "work").as_str(),
        "whose line it is"
    );
    for name in ["early", "late", "latest", "again"] {
        world.run("ace-log", &["verify", name]).done().stdout.clear();
    }
    let _ = world.run("ace-session", &["run", "early"]).done();
    assert_eq!(world.log(&id(&world, "early")).last().unwrap()["type"], "turn.completed");
    // A fork can go back into its parent's part, files as well.
    let first = seq(&world, &id(&world, "work"), "tool.completed", 0);
    world.run("ace", &["rewind", &format!("late@{first}")]).ok();
    assert_eq!(files(&root(&world, &late)), ".gitignore=*.tmp|a.txt=onetwo|b.txt=b");
}

#[test]
fn there_is_no_way_while_a_turn_runs_and_none_to_a_line_that_is_not_there() {
    let world = worked(&STEPS[..1], &[]);
    let _ = world.run("ace", &["rewind", "work@999"]).fails(1, &["no line @999"]);
    let _ = world.run("ace", &["rewind", "work"]).fails(2, &["which line"]);
    let _ = world.run("ace", &["fork", "work@999"]).fails(1, &["no line @999"]);
    world.use_model(&Server::start(vec![Reply::Hang("wait")]));
    world.run("ace", &["say", "work", "again"]).ok();
    let child = world.command("ace-session", &["run", "work"]).spawn().unwrap();
    crate::suite::eventually("it asks", || {
        world.types("@only").iter().filter(|t| *t == "model.requested").count() == 3
    });
    let _ = world.run("ace", &["undo", "work"]).fails(75, &["'work' runs"]);
    world.run("ace", &["cancel", "work"]).ok();
    let _ = finish(child, None);
    world.run("ace", &["undo", "work"]).ok();
}

#[test]
fn every_cut_of_a_log_that_went_back_folds_and_goes_on() {
    let world = worked(&STEPS[..2], &[]);
    world.run("ace", &["undo", "work"]).ok();
    turn(&world, "work", 2, &[]);
    let text = std::fs::read_to_string(world.log_file("@only")).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for n in 1..=lines.len() {
        let file = world.path(&format!("cut-{n}.jsonl"));
        std::fs::write(&file, lines[..n].concat()).unwrap();
        let shown = world.run("ace-log", &["show", file.to_str().unwrap()]).ok();
        assert!(!shown.is_empty());
        for filter in ["ace-session step", "ace-model", "ace-permit"] {
            let cut = world.sh(&format!("ace-log cat {} | {filter}", file.display())).done();
            assert!(cut.stdout.starts_with(&lines[..n].concat()), "{filter} at {n}");
        }
    }
}

/// Calls that change something on the disk; each is counted by itself.
const CHANGES: [&str; 9] =
    ["rename", "renameat", "mkdir", "mkdirat", "unlinkat", "write", "fsync", "fdatasync", "symlinkat"];

/// Kills the program at the first, the second, … of each kind of call that changes something on the disk, until it lives through;
/// `after` looks at what each left. How often it was killed.
pub fn killed_everywhere(
    world: &World,
    program: &str,
    args: &dyn Fn(usize) -> Vec<String>,
    mut after: impl FnMut(&str, usize, bool),
) -> Option<usize> {
    let strace = match strace() {
        Ok(strace) => strace,
        Err(lack) => {
            crate::durable::skip("kills at every step of travel", &lack);
            return None;
        }
    };
    let exe = crate::suite::programs().join(program).display().to_string();
    let told = world.path("kills").display().to_string();
    let (mut runs, mut kills) = (0, 0);
    for call in CHANGES {
        // On a desk every third, in CI all.
        for n in (1..).step_by(crate::durable::number("ACE_KILL_STEP", 3, 1)) {
            runs += 1;
            let args = args(runs);
            let (trace, inject) = (format!("trace={call}"), format!("inject={call}:signal=KILL:when={n}"));
            let mut all = vec!["-f", "-qq", "-o", &told, "-e", &trace, "-e", &inject, &exe];
            all.extend(args.iter().map(String::as_str));
            let mut command = world.command(&strace, &all);
            command.env_remove("TEST_KEY");
            let run = finish(command.spawn().unwrap(), None);
            let lived = run.code == Some(0);
            after(call, runs, lived);
            if lived {
                break;
            }
            kills += 1;
            // A child may have been hit instead, and that is told.
            let is_quiet = run.stderr.is_empty() || program == "ace-worktree" && !run.stderr.contains("panicked");
            assert!(is_quiet && n < 400, "{call} {n}: {run:?}");
        }
    }
    Some(kills)
}

#[test]
fn a_rewind_that_is_killed_anywhere_loses_nothing_and_can_be_done_again() {
    let world = worked(&STEPS, &[]);
    let root = root(&world, "@only");
    let full = files(&root);
    let end = world.log("@only").len();
    let to = seq(&world, "@only", "turn.completed", 0);
    let steps =
        killed_everywhere(&world, "ace-session", &|_| vec!["rewind".into(), format!("work@{to}")], |call, n, lived| {
            if !lived {
                let verify = world.run("ace-log", &["verify", "work"]);
                assert_eq!(verify.code, Some(0), "killed at {call}, run {n}: {verify:?}");
            }
            // Whatever stands there now: again, and it is there; back, and everything is as it was.
            world.run("ace", &["rewind", &format!("work@{to}")]).ok();
            assert_eq!(files(&root), ".gitignore=*.tmp|a.txt=onetwo|b.txt=b|x.tmp=x", "killed at {call}, run {n}");
            world.run("ace", &["rewind", &format!("work@{end}")]).ok();
            assert_eq!(files(&root), full, "killed at {call}, run {n}");
        });
    if let Some(kills) = steps {
        assert!(kills > 5, "{kills}");
        println!("{kills} kills of a rewind");
    }
}

#[test]
fn a_fork_that_is_killed_anywhere_is_there_or_not_and_its_rest_can_be_pruned() {
    let world = worked(&STEPS[..1], &[]);
    let parent = id(&world, "work");
    let at = seq(&world, &parent, "tool.completed", 0);
    let before = std::fs::read(world.log_file(&parent)).unwrap();
    let args = |n: usize| vec!["fork".into(), format!("work@{at}"), "--name".into(), format!("child-{n}")];
    let steps = killed_everywhere(&world, "ace-session", &args, |call, n, lived| {
        let made: Vec<String> = world.sessions().into_iter().filter(|s| *s != parent).collect();
        assert!(!lived || made.len() == 1, "{made:?}");
        for child in &made {
            world.run("ace-log", &["verify", child]).done().stdout.clear();
            assert_eq!(
                files(&root(&world, child)),
                ".gitignore=*.tmp|a.txt=onetwo|b.txt=b",
                "killed at {call}, run {n}"
            );
            world.run("ace", &["rm", "--force", child]).ok();
        }
        if !lived {
            // What was filled before its session was there is nobody's work: all of it goes, and nothing else.
            let pruned = world.run("ace-worktree", &["prune"]).done();
            let trees = world.git(&["worktree", "list", "--porcelain"]);
            let trees = trees.lines().filter(|l| l.starts_with("worktree ")).count();
            assert_eq!(trees, 2, "killed at {call}, run {n}: {pruned:?}");
            let refs = world.git(&["for-each-ref", "--format=%(refname)"]);
            assert_eq!(refs, "refs/heads/ace/work\nrefs/heads/main\n", "killed at {call}, run {n}: {pruned:?}");
        }
    });
    assert_eq!(std::fs::read(world.log_file(&parent)).unwrap(), before);
    if let Some(kills) = steps {
        assert!(kills > 5, "{kills}");
        println!("{kills} kills of a fork");
        let _ = world.run("ace", &["fork", &format!("work@{at}"), "--name", "child"]).done();
        let _ = world.run("ace-worktree", &["prune"]).done();
        assert_eq!(world.git(&["fsck", "--no-dangling"]), "");
    }
}

/// A session of so many steps, each of which changes a file; made by the library, since a model would take its time.
fn steps(world: &World, count: usize, text: impl Fn(usize) -> String) -> Vec<u64> {
    use ace_schema::data::{SessionCreated, ToolCompleted};
    use ace_schema::{Drafter, Kind, ty};
    use ace_worktree::{Carry, Ground, Lens, Pool};
    let repository = ace_worktree::discover(&world.project()).unwrap().unwrap();
    let home = ace_storage::Home::at(world.ace_home());
    let id = ace_schema::id::session(1, 1);
    let made = ace_worktree::create(&repository, "steps", &home.worktree(&id).join("p"), None, Carry::Leave).unwrap();
    let ground = Ground::of(&made.place).unwrap();
    let pool = Pool::open(&world.ace_home().join("git"), &ground.common_dir).unwrap();
    let mut lens = Lens::open(&pool, &ground, None).unwrap();
    let mut drafter = Drafter::new("test", 1);
    drafter.set_session(&id);
    let mut created = SessionCreated { name: "steps".into(), model: "test/scripted".into(), ..Default::default() };
    created.cwd = made.place.path.display().to_string();
    created.repository =
        Some(ace_schema::data::Repository { root: world.project().display().to_string(), root_commit: String::new() });
    created.worktree = Some(ace_schema::data::Worktree {
        path: created.cwd.clone(),
        git_dir: made.place.git_dir.display().to_string(),
        branch: made.branch,
        base: made.base_commit,
        from: "main".into(),
        ..Default::default()
    });
    let (_, first) = drafter.draft(0, "", ty::SESSION_CREATED, &created);
    home.create(&id, Kind::Person, &first, &ace_storage::Clock::System).unwrap();
    let mut drafts = Vec::new();
    for n in 0..count {
        std::fs::write(made.place.path.join("steps.txt"), text(n)).unwrap();
        let tree = lens.look().unwrap().tree;
        drafts.extend(drafter.draft(1, "", ty::TOOL_COMPLETED, &ToolCompleted { tree, ..Default::default() }).1);
    }
    let mut log = home.log(&id).append(ace_storage::Clock::System).unwrap();
    let pen = log.open_pen(Kind::Tool).unwrap();
    let done = log.append(pen.nib(), &drafts).unwrap();
    (done.first_seq..=done.last_seq).collect()
}

#[test]
fn bisect_finds_the_planted_step_of_300_in_ten_runs() {
    let world = World::new().repository(&[("a.txt", "one\n")]);
    let seqs = steps(&world, 300, |n| format!("step {n}\n{}", if n >= 211 { "broken\n" } else { "" }));
    let traces = world.git(&["for-each-ref"]);
    let test = ["bisect", "steps", "--json", "--", "sh", "-c", "echo run >&2; ! grep -q broken steps.txt"];
    let run = world.run("ace", &test).done();
    let found: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(found["seq"].as_u64(), Some(seqs[211]), "{found}");
    assert!(found["runs"].as_u64().unwrap() <= 10 && run.stderr.lines().count() <= 10, "{run:?}");
    assert!(found["patch"].as_str().unwrap().contains("+broken"), "{found}");
    // The other way round, and nothing of the scratch worktree is left.
    let args = ["bisect", "steps", "--good-after", "--", "sh", "-c", "grep -q broken steps.txt"];
    let out = world.run("ace", &args).ok();
    assert!(out.starts_with(&format!("steps@{}  changed", seqs[211])) && out.contains("+broken"), "{out}");
    assert_eq!(world.git(&["for-each-ref"]), traces);
    assert_eq!(crate::suite::folders(&world.ace_home().join("worktrees")).len(), 1);
}

#[test]
fn bisect_goes_around_what_cannot_be_tested_and_says_when_there_is_nothing() {
    let world = World::new().repository(&[("a.txt", "one\n")]);
    let seqs = steps(&world, 12, |n| format!("{n}\n"));
    let bisect = |script: &str| world.run("ace", &["bisect", "steps", "--json", "--", "sh", "-c", script]);
    // What cannot be tested stands before the planted step: it is one of the two.
    let run = bisect("n=$(cat steps.txt 2>/dev/null || echo -1); [ $n = 6 ] && exit 125; [ $n -lt 7 ]").done();
    let found: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        (found["seq"].as_u64(), &found["untestable"]),
        (Some(seqs[7]), &serde_json::json!([seqs[6]])),
        "{found}"
    );
    let _ = bisect("true").fails(1, &["the command succeeds at the end"]);
    let _ = bisect("false").fails(1, &["fails from the beginning"]);
    let _ = bisect("exit 127").fails(1, &["exit 127", "neither good nor bad"]);
    let _ = bisect("kill -9 $$").fails(1, &["was killed"]);
    // A command that fails one time in two is bad if it is asked often enough.
    let flaky = "n=$(cat steps.txt 2>/dev/null || echo -1); [ $n -lt 7 ] && exit 0; \
                 c=$(cat ../count 2>/dev/null || echo 0); echo $((c + 1)) > ../count; [ $((c % 2)) = 0 ]";
    let run = world.run("ace", &["bisect", "steps", "--json", "--repeat", "2", "--", "sh", "-c", flaky]).done();
    let found: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(found["seq"].as_u64(), Some(seqs[7]));
}

#[test]
fn bisect_names_the_call_and_what_had_been_said() {
    let world = worked(&STEPS, &[]);
    let out = world.run("ace", &["bisect", "work", "--", "test", "-e", "a.txt"]).ok();
    let at = seq(&world, "@only", "tool.completed", 1);
    let head = format!("work@{at}  shell rm a.txt; mkdir d; echo c > d/c.txt; echo x > x.tmp\nturn 2: turn 2\n");
    assert!(out.starts_with(&head), "{out}");
    assert!(out.contains("--- a/a.txt\n+++ /dev/null\n"), "{out}");
}

#[test]
fn a_diff_is_of_a_call_of_a_turn_or_of_a_part() {
    let world = worked(&STEPS, &[]);
    let diff = |what: String| world.run("ace", &["diff", &what, "--stat"]).ok();
    let call = |n| seq(&world, "@only", "tool.completed", n);
    assert_eq!(diff(format!("work@{}", call(1))), "a.txt  +0 -2\nd/c.txt  +1 -0\n");
    let turn = seq(&world, "@only", "turn.started", 0);
    assert_eq!(diff(format!("work@{turn}")), "a.txt  +1 -0\nb.txt  +1 -0\n");
    assert_eq!(diff(format!("work@{}..{}", call(0), call(2))), "a.txt  +0 -2\nb.txt  +1 -1\nd/c.txt  +1 -0\n");
    assert_eq!(diff("work@1..".into()), diff("work".into()));
    assert_eq!(diff(format!("work@..{}", call(0))), diff(format!("work@{turn}")));
    let _ = world.run("ace", &["diff", "work@1"]).fails(1, &["@1 is no part of a turn"]);
    // The states outlive the worktree.
    world.run("ace-worktree", &["remove", "work", "--force"]).done().stdout.clear();
    assert_eq!(diff(format!("work@{}", call(1))), "a.txt  +0 -2\nd/c.txt  +1 -0\n");
    let _ = world.run("ace", &["undo", "work"]).fails(1, &["its worktree is gone", "ace fork work"]);
}

#[test]
fn p64_a_session_that_goes_takes_nothing_of_anothers() {
    let world = worked(&STEPS[..2], &[]);
    let at = seq(&world, "@only", "tool.completed", 0);
    world.run("ace", &["fork", &format!("work@{at}"), "--name", "other"]).ok();
    let other = id(&world, "other");
    let before = files(&root(&world, &other));
    let parent = id(&world, "work");
    world.run("ace-worktree", &["remove", "work", "--force"]).done().stdout.clear();
    world.git(&["gc", "-q", "--prune=now"]);
    world.git(&["fsck", "--no-dangling"]);
    assert_eq!(files(&root(&world, &other)), before);
    world.run("ace", &["fork", &format!("work@{at}"), "--name", "third"]).ok();
    assert_eq!(files(&root(&world, &id(&world, "third"))), before, "its states are there without its worktree");
    assert!(world.log_file(&parent).exists());
}
