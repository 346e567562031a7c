//! Worktrees made ready: ignored files, ports and caches of their own, and a setup behind trust and the sandbox.

use crate::run::{calls_then, shell};
use crate::server::{Reply, Server};
use crate::suite::World;

const WISHES: &str = "[worktree]\nbring = [\".env\"]\nsetup = [[\"sh\", \"-c\", \"echo ready > made.tmp; echo got it\"]]\n\
                      ports = [\"WEB_PORT\", \"API_PORT\"]\ncaches = [\"BUILD_CACHE\"]\n";

fn world(command: &str) -> World {
    let world = World::with_model(calls_then(command, "ok"));
    let world = world.repository(&[("a.txt", "one\n"), (".gitignore", "*.tmp\n.env\n")]);
    std::fs::write(world.project().join(".env"), "KEY=1\n").unwrap();
    world
}

#[test]
fn tools_find_what_was_brought_set_up_and_kept_apart() {
    let world = world(
        "cat .env made.tmp; echo $WEB_PORT $API_PORT; echo kept > $BUILD_CACHE/x; cat $BUILD_CACHE/x; git status --porcelain",
    );
    world.add_config(WISHES);
    let run = world.run("ace", &["run", "-q", "--mode", "auto", "go"]).done();
    assert!(run.stderr.contains("got it"), "{run:?}");
    let tree = world.created("@only")["worktree"].clone();
    let value = |tree: &serde_json::Value, name: &str| {
        let all = tree["variables"].as_array().unwrap();
        all.iter().find(|v| v["name"] == name).unwrap()["value"].as_str().unwrap().to_owned()
    };
    let port = |name: &str| value(&tree, name);
    let said = world.last("@only", "tool.completed")["output"]["text"].as_str().unwrap().to_owned();
    assert_eq!(said, format!("KEY=1\nready\n{} {}\nkept\n", port("WEB_PORT"), port("API_PORT")));
    assert_ne!(port("WEB_PORT"), port("API_PORT"));
    // A fork has its own.
    let child = world.run("ace", &["fork", "go"]).done().stdout;
    let child = world.created(child.trim())["worktree"].clone();
    assert!(["WEB_PORT", "BUILD_CACHE"].iter().all(|name| value(&child, name) != port(name)), "{child}");
    // The cache goes with the worktree.
    let cache = std::path::PathBuf::from(port("BUILD_CACHE"));
    assert!(cache.join("x").exists());
    let _ = world.run("ace-worktree", &["remove", "go", "--force"]).done();
    assert!(!cache.exists());
}

#[test]
fn a_setup_that_fails_leaves_nothing_behind() {
    let world = world("true");
    world.add_config(
        "[worktree]\nsetup = [[\"true\"], [\"sh\", \"-c\", \"echo oh no; exit 3\"], [\"touch\", \"later\"]]\n",
    );
    let run = world
        .run("ace", &["run", "-q", "--mode", "auto", "go"])
        .fails(1, &["oh no", "setup 'sh -c echo oh no; exit 3' ended with exit 3"]);
    assert!(run.stderr.contains("the setup of the worktree failed\n"), "{run:?}");
    assert!(world.sessions().is_empty());
    assert_eq!(world.git(&["worktree", "list"]).lines().count(), 1);
    assert_eq!(world.git(&["branch", "--format=%(refname:short)"]), "main\n");
    assert!(crate::suite::folders(&world.ace_home().join("worktrees")).is_empty());
}

#[test]
fn a25_p45_a_projects_setup_waits_for_trust_and_runs_confined() {
    let world = world("true");
    let outside = world.path("outside");
    let text = format!(
        "[worktree]\nbring = [\".env\"]\nsetup = [[\"sh\", \"-c\", \"echo ran > made.tmp; echo x > {}; env > env.tmp; true\"]]\nland = \"squash\"\n",
        outside.display()
    );
    std::fs::create_dir(world.project().join(".ace")).unwrap();
    std::fs::write(world.project().join(".ace/config.toml"), text).unwrap();
    let run = world.run("ace", &["run", "-q", "--mode", "auto", "--name", "before", "go"]).done();
    assert!(run.stderr.contains("worktree.setup") && run.stderr.contains("ace trust"), "{run:?}");
    let place = world.place(&world.sessions()[0]);
    assert!(!place.join("made.tmp").exists() && !place.join(".env").exists());
    let trusted = world.run("ace", &["trust"]).done();
    assert!(
        format!("{}{}", trusted.stdout, trusted.stderr).contains("made.tmp"),
        "what it starts is shown: {trusted:?}"
    );
    let _ = world.run("ace", &["run", "-q", "--mode", "auto", "--name", "after", "go"]).done();
    let place = world.place(&world.sessions()[1]);
    assert_eq!(std::fs::read_to_string(place.join("made.tmp")).unwrap(), "ran\n");
    assert!(place.join(".env").exists());
    if ace_sandbox_is_whole() {
        assert!(!outside.exists(), "it is confined");
    }
    let env = std::fs::read_to_string(place.join("env.tmp")).unwrap();
    assert!(!env.contains("TEST_KEY"), "{env}");
}

/// Whether this kernel confines files at all.
fn ace_sandbox_is_whole() -> bool {
    let run = World::new().run("ace", &["doctor"]);
    !format!("{}{}", run.stdout, run.stderr).contains("no sandbox")
}

#[test]
fn a_worktree_without_a_session_is_made_ready_too() {
    let world = world("true");
    world.add_config(WISHES);
    let run = world.run("ace-worktree", &["create", "try"]).done();
    let place = std::path::PathBuf::from(run.stdout.trim());
    assert!(place.join(".env").exists() && place.join("made.tmp").exists(), "{run:?}");
    world.config("[worktree]\nbring = [\"a.txt2\", \"../x\"]\n");
    let _ = world.run("ace-worktree", &["create", "no"]).fails(78, &["../x"]);
    world.config("[worktree]\ncaches = [\"LD_PRELOAD\"]\n");
    let _ = world.run("ace-worktree", &["create", "no"]).fails(78, &["may not set"]);
}

#[test]
fn what_is_configured_decides_how_it_lands() {
    let by = |answers| match answers {
        0 => Reply::Calls("", vec![shell("echo two >> a.txt; git add -A; git commit -qm mine || true")]),
        _ => Reply::Text("ok"),
    };
    let world = World::with_model(Server::by(by)).repository(&[("a.txt", "one\n")]);
    world.add_config("[worktree]\nland = \"squash\"\nmessage = \"{name} by {model}\"\n");
    let _ = world.run("ace", &["run", "-q", "--mode", "auto", "--name", "work", "go"]).done();
    world.run("ace", &["land", "work"]).ok();
    assert!(world.git(&["log", "-1", "--format=%B"]).starts_with("work by test/scripted\n\nAce-Session: "));
    assert_eq!(world.last("@only", "worktree.landed")["how"], "squash");
}
