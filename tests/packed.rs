//! A session as one file, and back on another machine: the same records, states and trees; and files that lie.

use crate::run::shell;
use crate::server::{Reply, Server};
use crate::suite::{World, folders};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// A session that changed files, its fork, and a world that knows neither.
fn worlds() -> (World, World) {
    let world = World::with_model(Server::by(|answers| match answers {
        0 => Reply::Calls("", vec![shell("echo made > made.txt; seq 1 12000")]),
        1 => Reply::Text("Made."),
        2 => Reply::Calls("", vec![shell("echo more >> made.txt")]),
        _ => Reply::Text("More."),
    }))
    .repository(&[("a.txt", "a\n"), ("run.sh", "#!/bin/sh\n")]);
    let _ = world.run("ace", &["run", "-q", "--mode", "auto", "--name", "first", "make it"]).done();
    let _ = world.run("ace", &["fork", "first", "--name", "second", "and more"]).done();
    let _ = world.run("ace-session", &["run", "second"]).done();
    (world, World::new())
}

fn states(world: &World, session: &str) -> Vec<String> {
    let lines = world.run("ace-log", &["cat", session]).done().stdout;
    let trees = lines
        .lines()
        .filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok()?["data"]["tree"].as_str().map(str::to_owned));
    trees.collect()
}

#[test]
fn packed_and_unpacked_a_session_is_the_same_elsewhere() {
    let (here, there) = worlds();
    let packed = here.run("ace", &["pack", "second"]).ok();
    let id = there.feed("ace", &["unpack"], packed.as_bytes()).ok();
    assert_eq!(here.sessions(), there.sessions(), "the parent comes along");
    assert_eq!(id.trim(), here.sessions()[1]);
    for session in ["first", "second"] {
        assert_eq!(here.run("ace-log", &["cat", session]).ok(), there.run("ace-log", &["cat", session]).ok());
        let _ = there.run("ace-log", &["verify", session]).done();
        assert_eq!(here.run("ace-log", &["text", session]).ok(), there.run("ace-log", &["text", session]).ok());
        let trees = states(&there, session);
        assert!(!trees.is_empty());
        // The files of each state are there, though the repository is not.
        let head = there.run("ace-log", &["cat", session]).ok().lines().count() - 1;
        let _ = std::fs::rename(here.project(), here.path("moved"));
        let diff = there.run("ace", &["diff", &format!("{session}@1..{head}")]).done();
        let _ = std::fs::rename(here.path("moved"), here.project());
        assert!(diff.stdout.contains("+made"), "{diff:?}");
    }
    // Once more it changes nothing.
    assert_eq!(there.feed("ace", &["unpack"], packed.as_bytes()).ok(), id);
    assert_eq!(folders(&there.ace_home().join("sessions")).len(), 2);
}

#[test]
fn p65_what_came_from_elsewhere_is_not_run_written_or_gone_on_from() {
    let (here, there) = worlds();
    let packed = here.run("ace", &["pack", "first"]).ok();
    let _ = there.feed("ace", &["unpack"], packed.as_bytes()).ok();
    let other = "came from another home";
    for args in [
        &["say", "first", "go"][..],
        &["fork", "first"],
        &["undo", "first"],
        &["rewind", "first@3"],
        &["archive", "first"],
    ] {
        let run = there.run("ace-session", args);
        assert!(run.code != Some(0) && run.stderr.contains(other), "{args:?}: {run:?}");
    }
    // Nor does anything of it begin that has not begun yet.
    let new = here.run("ace-session", &["new", "--mode", "auto", "--name", "new", "touch /tmp/x"]).ok();
    let packed = here.run("ace", &["pack", "new"]).ok();
    assert_eq!(there.feed("ace", &["unpack"], packed.as_bytes()).ok(), new);
    let run = there.run("ace-session", &["run", "new"]);
    assert!(run.code != Some(0) && run.stderr.contains(other), "{run:?}");
    let _ = there.run("ace", &["rm", "--force", "new"]).done();
    let lines = there.log(&there.sessions()[0]).len();
    assert_eq!(lines, here.log(&here.sessions()[0]).len());
    // It can be put away, and no folder that it names is touched.
    let place = here.place(&here.sessions()[0]);
    let _ = there.run("ace", &["rm", "--force", "first"]).done();
    assert!(place.join("made.txt").exists() && there.sessions().is_empty());
}

/// What the bundle of a packed session is, as git reads it.
fn bundle(packed: &str) -> Vec<u8> {
    let lines = packed.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let parts = lines.filter(|line| line["type"] == "pack.git").map(|line| line["data"].as_str().unwrap().to_owned());
    parts.flat_map(|part| BASE64_STANDARD.decode(part).unwrap()).collect()
}

#[test]
fn p55_secrets_do_not_leave_unless_that_is_wanted() {
    let token = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
    let (start, end) = token.split_at(9);
    // Into a file, into a record, and into a blob: what is printed is long.
    let script =
        format!("printf 'token = \"%s%s\"\\n' {start} {end} > secret.txt; cat secret.txt; seq 1 12000; cat secret.txt");
    let clean = shell("echo nothing > b.txt");
    let model = vec![
        Reply::Calls("", vec![clean]),
        Reply::Calls(
            "",
            vec![shell(&script), ("write", serde_json::json!({"path": "x", "content": token}).to_string())],
        ),
        Reply::Text("Done."),
        Reply::Calls("", vec![shell("echo more >> secret.txt")]),
        Reply::Text("More."),
    ];
    let world =
        World::with_model(Server::start(model)).repository(&[("a.txt", "a\n"), ("old.txt", &format!("{token}\n"))]);
    world.add_config("[redact]\ngate = \"off\"\n");
    let _ = world.run("ace", &["run", "-q", "--mode", "auto", "--name", "first", "make it"]).done();
    let _ = world.run("ace", &["fork", "first", "--name", "second", "and more"]).done();
    let _ = world.run("ace-session", &["run", "second"]).done();
    let ids = world.sessions();
    let logs = || ids.iter().map(|id| std::fs::read(world.log_file(id)).unwrap()).collect::<Vec<_>>();
    let before = logs();
    let run = world.run("ace", &["pack", "second"]).done();
    assert!(run.stderr.contains("secrets were taken out of") && run.stderr.contains("a chain of its own"), "{run:?}");
    assert_eq!(before, logs(), "what is here stays as it is");
    // Elsewhere it is whole, and nothing there says the secret.
    let there = World::new();
    let _ = there.feed("ace", &["unpack"], run.stdout.as_bytes()).ok();
    for session in &ids {
        assert!(there.run("ace-log", &["verify", session]).ok().contains("chain whole"));
        let (old, new) = (world.log(session), there.log(session));
        assert_eq!(old.len(), new.len());
        for (old, new) in old.iter().zip(&new) {
            let same = |line: &serde_json::Value| ["seq", "ts", "id", "type", "cause"].map(|key| line[key].clone());
            assert_eq!(same(old), same(new));
        }
        let trees = states(&there, session);
        assert_eq!(trees.len(), states(&world, session).len());
        assert_ne!(trees, states(&world, session));
    }
    let last = there.run("ace-log", &["cat", "second"]).ok().lines().count() - 1;
    let diff = there.run("ace", &["diff", &format!("second@1..{last}")]).done().stdout;
    assert!(diff.contains("+++ b/secret.txt") && diff.contains("+token = \"") && diff.contains("+more"), "{diff}");
    assert!(there.run("ace-replay", &["second", "--speed", "0"]).done().stdout.contains("More."));
    // Without the repository, which is another machine's.
    std::fs::rename(world.project(), world.path("moved")).unwrap();
    let git = "cd \"$1\"/*/ && git cat-file --batch --batch-all-objects";
    let objects = std::process::Command::new("sh").args(["-c", git, "sh"]).arg(there.ace_home().join("git")).output();
    std::fs::rename(world.path("moved"), world.project()).unwrap();
    let mut all = objects.unwrap().stdout;
    assert!(all.windows(8).any(|part| part == b"token = "));
    all.extend(diff.into_bytes());
    for file in ["sessions", "blobs"] {
        let found =
            std::process::Command::new("grep").args(["-rF", "", "-h"]).arg(there.ace_home().join(file)).output();
        all.extend(found.unwrap().stdout);
    }
    assert!(!all.windows(token.len()).any(|part| part == token.as_bytes()));
    // All of it as it is, on demand.
    let raw = world.run("ace", &["pack", "second", "--raw"]).ok();
    assert!(raw.contains(&token));
    let without = world.run("ace", &["pack", "first", "--no-files"]).done().stdout;
    assert!(!without.contains(&token) && !without.contains("pack.git"));
    let _ = World::new().feed("ace", &["unpack"], without.as_bytes()).ok();
}

#[test]
fn git_itself_reads_the_states_of_a_packed_session() {
    let (here, _) = worlds();
    let packed = here.run("ace", &["pack", "second"]).ok();
    let file = here.path("states.bundle");
    std::fs::write(&file, bundle(&packed)).unwrap();
    let state = states(&here, "second").pop().unwrap();
    let heads = here.git(&["bundle", "list-heads", file.to_str().unwrap()]);
    assert!(heads.contains(&format!("{state} refs/ace/{}/{state}", here.sessions()[1])), "{heads}");
    let _ = here.git(&["bundle", "verify", "-q", file.to_str().unwrap()]);
    let _ = here.git(&["fetch", "-q", file.to_str().unwrap(), "refs/ace/*:refs/ace/*"]);
    assert_eq!(here.git(&["show", &format!("{state}:made.txt")]).trim(), "made\nmore");
}

#[test]
fn hostile_files_are_refused_and_leave_nothing() {
    let (here, _) = worlds();
    let packed = here.run("ace", &["pack", "first"]).ok();
    let lines: Vec<&str> = packed.lines().collect();
    let id = here.sessions()[0].clone();
    let whole = |lines: &[String]| {
        // With an end that fits what was made of it.
        let body: String = lines[..lines.len() - 1].iter().map(|l| format!("{l}\n")).collect();
        let end = serde_json::json!({"type": "pack.end", "lines": lines.len() - 1, "sha256": ace_core::digest(body.as_bytes())});
        format!("{body}{end}\n")
    };
    let owned: Vec<String> = lines.iter().map(|&l| l.to_owned()).collect();
    let with = |from: &str, to: &str| whole(&owned.iter().map(|l| l.replace(from, to)).collect::<Vec<_>>());
    let at = |ty: &str| owned.iter().position(|l| l.contains(&format!("\"type\":\"{ty}\""))).unwrap();
    let git = at("pack.git");
    let mut garbled = owned.clone();
    garbled[git] =
        serde_json::json!({"type": "pack.git", "data": BASE64_STANDARD.encode("no pack at all")}).to_string();
    let mut edited = owned.clone();
    let message = at("user.message");
    edited[message] = edited[message].replace("make it", "obey me");
    let blob = at("log.blob");
    let mut wrong_blob = owned.clone();
    let sha = serde_json::from_str::<serde_json::Value>(&owned[blob]).unwrap()["sha"].as_str().unwrap().to_owned();
    wrong_blob[blob] = owned[blob].replace(&sha, &"0".repeat(64));
    let cases = [
        ("cut", lines[..lines.len() - 1].join("\n") + "\n"),
        ("a changed byte", packed.replacen("make it", "make It", 1)),
        (
            "a path for an id",
            with(
                &format!("\"type\":\"pack.log\",\"session\":\"{id}\""),
                "\"type\":\"pack.log\",\"session\":\"../../../evil\"",
            ),
        ),
        ("an edited record", whole(&edited)),
        ("no pack", whole(&garbled)),
        ("another blob", whole(&wrong_blob)),
        ("a blob by path", with(&sha, "../../../../../../tmp/evil-blob-of-a-packed-session-aaaaaaaaaaaaaaaaaaa")),
        ("a newer form", with("\"v\":1,\"session\"", "\"v\":2,\"session\"")),
        ("a line without end", format!("{}{}", lines[0], "x".repeat(200_000))),
        ("nothing", String::new()),
        ("something else", "{\"type\":\"user.message\"}\n".to_owned()),
        ("no JSON", "PK\u{3}\u{4}\n".to_owned()),
        ("the log twice", whole(&[&owned[..git], &owned[at("pack.log")..]].concat())),
    ];
    for (what, text) in cases {
        let there = World::new();
        let run = there.feed("ace-session", &["unpack"], text.as_bytes());
        assert!(matches!(run.code, Some(65 | 2)), "{what}: {run:?}");
        assert!(run.stderr.contains("cannot unpack") && !run.stderr.contains("panicked"), "{what}: {run:?}");
        let left: Vec<_> =
            std::fs::read_dir(there.ace_home().join("sessions")).map(|all| all.flatten().collect()).unwrap_or_default();
        assert!(left.is_empty(), "{what}: {left:?}");
        assert!(crate::suite::find_file(there.path("").as_path(), "evil").is_none(), "{what}");
    }
}
