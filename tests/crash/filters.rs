//! Filters that fall, that end for a reason, that are slow, stuck or flood: the session goes on, or says why not.

use super::*;
use crate::suite::{Run, eventually, finish};
use std::io::BufRead;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

fn child_named(root: u32, name: &str) -> Option<Process> {
    descendants(root).into_iter().find(|p| p.parent == root && p.name.starts_with(name))
}

#[test]
fn a_filter_that_falls_is_started_again_and_its_claim_closed() {
    let world = world(Server::start(vec![
        Reply::Calls("", vec![shell("echo step-0 >> steps.txt; sleep 1000")]),
        Reply::Calls("", vec![shell("echo step-1 >> steps.txt")]),
        Reply::Text("all is done"),
    ]));
    let id = session(&world);
    let star = world.command("ace-session", &["run", &id]).spawn().unwrap();
    eventually("the step is taken", || steps(&world, &id).len() == 1);
    let tree = descendants(star.id());
    let broker = child_named(star.id(), "ace-tool").unwrap();
    signal("KILL", broker.pid);
    let run = finish(star, None);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "all is done\n"), "{run:?}");
    assert!(run.stderr.contains("ace-tool fell and is started again"), "{}", run.stderr);
    let log = world.log(&id);
    let pens: Vec<u64> =
        log.iter().filter(|l| l["type"] == "tool.started").map(|l| l["pen"].as_u64().unwrap()).collect();
    assert!(pens.len() == 2 && pens[0] < pens[1], "a new pen: {}", brief(&log));
    assert_eq!(outcome(&log, "step-0 "), "interrupted");
    assert_eq!(outcome(&log, "step-1 "), "completed");
    let request = world.model.as_ref().unwrap().bodies()[1].clone();
    assert!(request.contains("unknown whether it ran"), "the model is told: {request}");
    assert_eq!(check_steps(&world, &id, 2), 0);
    eventually("what it ran has ended", || tree.iter().filter(|p| p.name == "sleep").all(|p| !p.lives()));
}

/// Runs a session with these filters of the user's own.
fn with_filters(world: &World, filters: &str) -> (String, Run) {
    world.add_config(&format!("[pipeline]\nfilters = {filters}\n"));
    let id = session(world);
    let run = world.run("ace-session", &["run", &id]);
    (id, run)
}

#[test]
fn a_filter_that_falls_again_and_again_ends_the_run() {
    let world = world(Server::start(vec![Reply::Hang("I think ")]));
    let (id, run) = with_filters(&world, r#"[["sh", "-c", "exit 1"]]"#);
    let _ = run.fails(70, &["'sh' fell 5 times in 10 s", "hint: nothing is lost: ace resume"]);
    check_whole(&world, &id);
    eventually("nobody is left", || inhabitants(&world).is_empty());
}

#[test]
fn a_filter_that_ends_for_a_reason_ends_the_run_with_it() {
    for code in [77, 78] {
        let world = world(Server::start(vec![Reply::Hang("I think ")]));
        let (_, run) = with_filters(&world, &format!(r#"[["sh", "-c", "echo no such thing >&2; exit {code}"]]"#));
        let _ = run.fails(code, &["no such thing", &format!("'sh' ended with exit {code}")]);
    }
}

#[test]
fn a_filter_of_the_users_own_that_is_stuck_slow_or_loud_holds_nobody_up() {
    for filter in [
        r#"["sleep", "1000"]"#,
        r#"["sh", "-c", "exec >&-; exec sleep 1000"]"#,
        r#"["sh", "-c", "trap '' TERM; while :; do sleep 0.2; done"]"#,
        r#"["sh", "-c", "sleep 1000 & exec cat > /dev/null"]"#,
        r#"["sh", "-c", "setsid sleep 5 & exit 0"]"#,
        r#"["sh", "-c", "while read -r l; do sleep 0.1; done"]"#,
        r#"["yes"]"#,
        r#"["cat", "/dev/zero"]"#,
        r#"["sh", "-c", "yes >&2"]"#,
        r#"["cat"]"#,
    ] {
        let world = world(stepping(2));
        let begin = Instant::now();
        let (id, run) = with_filters(&world, &format!("[{filter}]"));
        assert_eq!((run.code, run.stdout.as_str()), (Some(0), "all is done\n"), "{filter}: {:.2000?}", run.stderr);
        assert_eq!(check_steps(&world, &id, 2), 0);
        println!("{filter}: {:?}", begin.elapsed());
        check_whole(&world, &id);
        eventually(filter, || inhabitants(&world).iter().all(|p| p.words().starts_with("sleep 5")));
    }
}

/// A folder with our programs, one of them replaced by a script. Links, so on the disk of the programs.
fn programs_with(name: &str, script: &str) -> PathBuf {
    let folder = tempfile::Builder::new().prefix("programs").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap().keep();
    for entry in std::fs::read_dir(crate::suite::programs()).unwrap().flatten() {
        let file = entry.file_name().into_string().unwrap();
        if (file == "ace" || file.starts_with("ace-")) && !file.contains('.') && file != name {
            std::fs::hard_link(entry.path(), folder.join(file)).unwrap();
        }
    }
    let path = folder.join(name);
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

#[test]
fn what_is_due_and_taken_up_by_nobody_is_said_aloud() {
    let world = world(stepping(1));
    let id = session(&world);
    let programs = programs_with("ace-model", "#!/bin/sh\nexec cat\n");
    let like = world.command("ace-session", &[]);
    let mut command = Command::new(programs.join("ace-session"));
    command.args(["run", &id]).current_dir(world.project()).env_clear();
    command.envs(like.get_envs().filter_map(|(k, v)| Some((k, v?))));
    let mut star = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begin = Instant::now();
    let mut stderr = std::io::BufReader::new(star.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("a model call is due and nobody takes it up") {
        assert!(stderr.read_line(&mut said).unwrap() > 0, "{said}");
    }
    assert!(begin.elapsed() >= Duration::from_millis(ace_schema::limits::UNCLAIMED_MS), "not before its time");
    signal("INT", star.id());
    assert_eq!(finish(star, None).code, Some(130));
    std::fs::remove_dir_all(programs).unwrap();
}

#[test]
fn a_filter_that_lags_behind_gets_every_line_once_and_in_order() {
    let n = 20;
    // More than a pipe holds before the filter begins to read; and no end before it has read most of it.
    let model = Server::by(move |answers| match answers {
        k if k < n => {
            Reply::Calls("", vec![shell(&format!("head -c 16000 /dev/zero | tr '\\0' x; echo step-{k} >> steps.txt"))])
        }
        k if k == n => {
            Reply::Calls("", vec![shell("touch go; until grep -q 'touch go' copy.jsonl; do sleep 0.05; done")])
        }
        _ => Reply::Text("all is done"),
    });
    let world = World::with_model(model);
    let filter = r#"[["sh", "-c", "until [ -e go ]; do sleep 0.02; done; exec cat > copy.jsonl"]]"#;
    let (id, run) = with_filters(&world, filter);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "all is done\n"), "{run:?}");
    let copy = std::fs::read_to_string(world.project().join("copy.jsonl")).unwrap();
    let lived = copy.lines().filter(|l| l.contains("\"log.live\"")).count();
    let got: Vec<&str> = copy.lines().filter(|l| l.contains("\"seq\":")).collect();
    let log = std::fs::read_to_string(world.log_file(&id)).unwrap();
    let stands: Vec<&str> = log.lines().collect();
    assert!(got.len() > 7 * n && lived == 1, "{} lines", got.len());
    assert!(stands[..got.len()] == got[..], "{} lines of {}", got.len(), stands.len());
    assert!(copy.len() > 4 * 65536);
}
