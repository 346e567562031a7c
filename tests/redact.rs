//! Secrets on their way: what a tool prints, what a model says, what a person types. The record, the screen, the model's context and
//! every file below the home carry a placeholder.

use crate::server::{Reply, Server};
use crate::suite::World;
use std::path::Path;

/// A key of a known format, in two halves so that no argument holds it.
const HALVES: [&str; 2] = ["glpat-a1B2c3", "D4e5F6g7H8i9J0"];
/// A value that nothing but a variable of the machine says is secret.
const VALUE: [&str; 2] = ["zebra-42-", "Quartz-Lantern"];

fn key() -> String {
    HALVES.concat()
}

fn value() -> String {
    VALUE.concat()
}

fn world(replies: Vec<Reply>) -> World {
    let mut world = World::with_model(Server::start(replies));
    world.env.push(("DEPLOY_TOKEN", value()));
    world
}

fn shell(command: &str) -> (&'static str, String) {
    ("shell", serde_json::json!({ "command": command }).to_string())
}

/// Prints both, in the middle of lines.
fn printing() -> String {
    format!("printf 'key=%s%s!\\nvalue=%s%s.\\n' {} {} {} {}", HALVES[0], HALVES[1], VALUE[0], VALUE[1])
}

const RUN: [&str; 6] = ["run", "--mode", "auto", "--no-worktree", "--unsandboxed", "go"];

/// Files below a folder that hold any of these texts.
fn holding(folder: &Path, needles: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for path in entries.flatten().map(|e| e.path()) {
        if path.is_dir() {
            found.extend(holding(&path, needles));
        } else if let Ok(bytes) = std::fs::read(&path) {
            let bytes = bytes.iter().copied().filter(|b| *b != 0).collect::<Vec<u8>>();
            let hit = |needle: &String| bytes.windows(needle.len()).any(|w| w == needle.as_bytes());
            found.extend(needles.iter().filter(|n| hit(n)).map(|n| format!("{n} in {}", path.display())));
        }
    }
    found
}

/// Nothing of either secret is below the home, or in what was sent to the model, or in what was printed.
#[track_caller]
fn nowhere(world: &World, printed: &[&str]) {
    let needles = [key(), value()];
    assert_eq!(holding(&world.ace_home(), &needles), [""; 0]);
    let bodies = world.model.as_ref().unwrap().bodies();
    for text in bodies.iter().map(String::as_str).chain(printed.iter().copied()) {
        assert!(needles.iter().all(|n| !text.contains(n.as_str())), "{text}");
    }
}

/// Calls with an outcome so far. The folder of a session that is being made has another name until it is there as a whole.
fn results(world: &World) -> usize {
    let log = |id: &String| world.ace_home().join("sessions").join(id).join("log.jsonl");
    let text = world.sessions().first().and_then(|id| std::fs::read_to_string(log(id)).ok()).unwrap_or_default();
    text.matches("\"type\":\"tool.completed\"").count()
}

#[test]
fn a29_p54_a_key_that_a_tool_prints_is_in_no_record_screen_context_or_file() {
    let world = world(vec![Reply::Calls("", vec![shell(&printing())]), Reply::Text("done")]);
    let run = world.run("ace", &RUN).done();
    nowhere(&world, &[&run.stdout, &run.stderr]);
    let output = world.last("@only", "tool.completed")["output"]["text"].as_str().unwrap().to_owned();
    assert!(output.contains("key=‹redacted:gitlab#") && output.contains("value=‹redacted:DEPLOY_TOKEN#"), "{output}");
    assert!(world.model.as_ref().unwrap().bodies()[1].contains("‹redacted:gitlab#"), "the model sees the placeholder");
    let shown = world.run("ace", &["show", "@last"]).ok();
    nowhere(&world, &[&shown]);
    assert!(world.run("ace-log", &["verify", "@last"]).ok().contains("chain whole"));
}

/// A flood: head and tail, a blob, and the file that the model is told of, which a tool reads.
#[test]
fn a29_a_long_output_is_clean_in_its_blob_and_in_the_file_for_the_tools() {
    let flood = format!(
        "i=0; while [ $i -lt 4000 ]; do echo line $i of many words; i=$((i+1)); if [ $i = 2000 ]; then {}; fi; done",
        printing()
    );
    let search = "cat \"$TMPDIR\"/output-*.txt | grep -a -e key= -e value=; ls -l \"$TMPDIR\" | wc -l; tail -n 1 \"$TMPDIR\"/output-*.txt";
    let world =
        world(vec![Reply::Calls("", vec![shell(&flood)]), Reply::Calls("", vec![shell(search)]), Reply::Hang("on")]);
    let mut child = world.command("ace", &RUN).spawn().unwrap();
    crate::suite::eventually("two results", || results(&world) == 2);
    // While the session still runs: its temporary folder is there.
    nowhere(&world, &[]);
    let read = world.last("@only", "tool.completed")["output"]["text"].as_str().unwrap().to_owned();
    assert!(read.contains("key=‹redacted:gitlab#") && read.contains("value=‹redacted:DEPLOY_TOKEN#"), "{read}");
    assert!(read.contains("line 3999 of many words"), "{read}");
    let log = world.log("@only");
    let first = log.iter().find(|l| l["type"] == "tool.completed").unwrap();
    let blob = &first["data"]["output"]["blob"];
    let kept = std::fs::read(world.ace_home().join("blobs").join(blob["sha"].as_str().unwrap())).unwrap();
    assert_eq!(kept.len() as u64, blob["bytes"].as_u64().unwrap());
    assert!(String::from_utf8(kept).unwrap().contains("key=‹redacted:gitlab#"));
    let _ = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    crate::suite::eventually("it stops", || child.try_wait().unwrap().is_some());
    nowhere(&world, &[]);
    assert!(world.run("ace-log", &["verify", "@last"]).ok().contains("chain whole"));
}

/// Printed in the background: while the command still runs, what it said is in no file under a name; what is asked of it is clean.
#[test]
fn a29_what_a_background_command_prints_is_in_no_file_while_it_runs() {
    let args = serde_json::json!({ "command": format!("{}; exec sleep 600", printing()), "background": true });
    let ask = |args: serde_json::Value| Reply::Calls("", vec![("job", args.to_string())]);
    let world = world(vec![
        Reply::Calls("", vec![("shell", args.to_string())]),
        ask(serde_json::json!({"id": "1", "wait_ms": 500})),
        ask(serde_json::json!({"id": "1", "offset": 0})),
        Reply::Hang("on"),
    ]);
    let mut child = world.command("ace", &RUN).spawn().unwrap();
    crate::suite::eventually("three results", || results(&world) == 3);
    // The session's temporary folder is below the home, and it is there.
    assert!(std::fs::read_dir(world.ace_home().join("tmp")).unwrap().count() > 0);
    nowhere(&world, &[]);
    let page = world.last("@only", "tool.completed")["output"]["text"].as_str().unwrap().to_owned();
    assert!(page.contains("key=‹redacted:gitlab#") && page.contains("value=‹redacted:DEPLOY_TOKEN#"), "{page}");
    assert!(page.contains("[job 1: runs, "), "{page}");
    let _ = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    crate::suite::eventually("it stops", || child.try_wait().unwrap().is_some());
    nowhere(&world, &[]);
}

/// In pieces with pauses between them and colours inside: the chalk in memory and in `live.jsonl` has none of it either.
#[test]
fn a30_a_key_in_pieces_and_colours_is_caught() {
    let command = format!(
        "printf 'a %s' {}; sleep 0.2; printf '\\033[1m%s' {}; sleep 0.2; printf ' b %s' {}; sleep 0.2; printf '\\033[0m%s\\n' {}; sleep 0.2",
        HALVES[0], HALVES[1], VALUE[0], VALUE[1]
    );
    let world = world(vec![Reply::Calls("", vec![shell(&command)]), Reply::Text("done")]);
    let mut child = world.command("ace", &["run", "--json", "--mode", "auto", "--no-worktree", "--unsandboxed", "go"]);
    let child = child.spawn().unwrap();
    let mut live = String::new();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while std::time::Instant::now() < deadline {
        if let Some(id) = world.sessions().first() {
            let folder = world.ace_home().join("sessions").join(id);
            live.push_str(&std::fs::read_to_string(folder.join("live.jsonl")).unwrap_or_default());
            if std::fs::read_to_string(folder.join("log.jsonl")).unwrap_or_default().contains("turn.completed") {
                break;
            }
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let run = crate::suite::finish(child, None);
    for half in [HALVES[1], VALUE[1]] {
        assert!(!live.contains(half), "{half} is in the chalk");
    }
    nowhere(&world, &[&run.stdout, &run.stderr, &live]);
    let output = world.last("@only", "tool.completed")["output"]["text"].as_str().unwrap().to_owned();
    assert!(output.starts_with("a ‹redacted:gitlab#") && output.contains(" b ‹redacted:DEPLOY_TOKEN#"), "{output}");
}

/// The model quotes a key that it knows from elsewhere; what is recorded and shown has none, piece by piece and as a whole.
#[test]
fn a29_a_key_that_the_model_says_is_not_recorded() {
    let words: &'static str = Box::leak(format!("The key is {} and the value {} .", key(), value()).into_boxed_str());
    let world = world(vec![Reply::Text(words)]);
    let run = world.run("ace", &RUN).done();
    nowhere(&world, &[&run.stdout, &run.stderr]);
    assert!(run.stdout.starts_with("The key is ‹redacted:gitlab#"), "{}", run.stdout);
}

/// What the model asks for is recorded without the secret; what is left must not run in its name.
#[test]
fn a29_a_call_whose_arguments_held_a_key_does_not_run_with_the_placeholder() {
    let write = serde_json::json!({"path": ".env", "content": format!("TOKEN={}\n", key())}).to_string();
    let world = world(vec![Reply::Calls("", vec![("write", write)]), Reply::Text("done")]);
    let _ = world.run("ace", &RUN).done();
    nowhere(&world, &[]);
    assert!(!world.project().join(".env").exists(), "a placeholder is no content");
    let resolved = world.last("@only", "permission.resolved");
    assert_eq!((&resolved["decision"], &resolved["rule"]), (&"deny".into(), &"redacted".into()));
    assert!(world.model.as_ref().unwrap().bodies()[1].contains("taken out before they were recorded"));
}

#[test]
fn a29_what_a_person_types_is_clean_from_the_first_record_on() {
    let world = world(vec![Reply::Text("one"), Reply::Text("two")]);
    let prompt = format!("use {} please", key());
    let run = world.run("ace", &["run", "--no-worktree", &prompt]).done();
    assert!(run.stderr.contains("1 secret was taken out of the message"), "{}", run.stderr);
    let say = world.run("ace-session", &["say", "@last", &format!("or {}", value())]);
    assert!(say.stderr.contains("1 secret was taken out"), "{}", say.stderr);
    nowhere(&world, &[&run.stdout, &run.stderr]);
    assert_eq!(world.created("@only")["name"], "use-please");
    let once = world.run("ace-session", &["once", &prompt]);
    nowhere(&world, &[&once.stdout]);
}

#[test]
fn a29_a_name_that_holds_a_key_is_made_of_what_is_left() {
    let world = world(vec![Reply::Text("one")]);
    let named = format!("use-{}", value());
    let run = world.run("ace", &["run", "--no-worktree", "--name", &named, "go"]).done();
    assert_eq!(world.created("@only")["name"], "use");
    let bare = world.run("ace-session", &["new", "--no-worktree", "--name", &key(), "go"]).ok();
    assert_eq!(world.created(bare.trim())["name"], "session");
    let fork = world.run("ace-session", &["fork", "use", "--name", &named, &format!("try {}", key())]);
    assert_eq!(world.created(fork.stdout.trim())["name"], "use-2");
    assert!(fork.stderr.contains("1 secret was taken out of the message"), "{fork:?}");
    nowhere(&world, &[&run.stdout, &run.stderr, &fork.stdout]);
}

/// The provider's own answer to a refused key repeats it.
#[test]
fn c11_a_refusal_that_repeats_the_key_is_clean_in_record_and_screen() {
    let body = r#"{"error":{"message":"Incorrect API key provided: sk-test-0123456789.","type":"invalid_request_error","code":"invalid_api_key"}}"#;
    let http = format!(
        "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let world = world(vec![Reply::Http(http)]);
    let run = world.run("ace", &RUN);
    assert_eq!(run.code, Some(77), "{}", run.stderr);
    assert!(!run.stderr.contains("sk-test-0123456789"), "{}", run.stderr);
    assert_eq!(holding(&world.ace_home(), &["sk-test-0123456789".to_owned()]), [""; 0]);
}

/// The last look is behind the gates of the user's own: what one of them puts in is taken out again.
#[test]
fn a29_what_a_gate_puts_in_is_taken_out() {
    let world = world(vec![Reply::Text("the key is HERE")]);
    world.add_config(&format!("[pipeline]\ngates = [[\"sed\", \"-u\", \"s/HERE/{}/\"]]\n", key()));
    let run = world.run("ace", &RUN).done();
    assert!(run.stdout.starts_with("the key is ‹redacted:gitlab#"), "{run:?}");
    nowhere(&world, &[&run.stdout, &run.stderr]);
}

/// Whoever switches it off has what they had.
#[test]
fn the_gate_can_be_switched_off_and_tuned() {
    let world = world(vec![Reply::Calls("", vec![shell(&printing())]), Reply::Text("done")]);
    world.add_config("[redact]\ngate = \"off\"\n");
    let _ = world.run("ace", &RUN).done();
    assert!(world.last("@only", "tool.completed")["output"]["text"].as_str().unwrap().contains(&key()));
    world.use_model(world.model.as_ref().unwrap());
    world.add_config("[redact]\nleave = [\"gitlabb\"]\n");
    let run = world
        .feed("ace-redact", &["--text"], b"")
        .fails(78, &["knows no rule 'gitlabb'", "hint: did you mean 'gitlab'?"]);
    assert_eq!(run.stdout, "");
}

#[test]
fn plain_text_goes_through_too() {
    let mut world = World::new();
    world.env.push(("DEPLOY_TOKEN", value()));
    world.add_config("[redact]\npersonal = [\"card\"]\nprefixes = [\"acme_\"]\n");
    let text = format!("a {} b {} c 4111 1111 1111 1111 d acme_q7Zr2Vb9Xk4Lm8Np1\n", key(), value());
    let out = world.feed("ace-redact", &["--text"], text.as_bytes()).ok();
    for rule in ["a ‹redacted:gitlab#", "b ‹redacted:DEPLOY_TOKEN#", "c ‹redacted:card#", "d ‹redacted:own#"] {
        assert!(out.contains(rule), "{out}");
    }
}

/// It knows every secret, so it reaches nothing: not even its own configuration once it has begun.
#[test]
fn a29_the_typed_chain_redacts_too_and_recorded_lines_pass_untouched() {
    let world = world(vec![Reply::Calls("", vec![shell(&printing())]), Reply::Text("done")]);
    let script = "S=$(ace-session new --mode auto --no-worktree --unsandboxed go) && ace-log follow \"$S\" --until turn |
        ace-session step | ace-model | ace-permit | ace-tool --unsandboxed | ace-redact | ace-log append \"$S\" && ace-log text \"$S\"";
    let run = world.sh(script).done();
    assert_eq!(run.stdout, "done\n");
    nowhere(&world, &[&run.stdout, &run.stderr]);
    let log = std::fs::read(world.log_file("@only")).unwrap();
    let passed = world.feed("ace-redact", &[], &log);
    assert_eq!((passed.code, passed.stdout.as_bytes()), (Some(0), log.as_slice()));
}

/// A filter that was joined to a session passes no gate that is a process; what it says is looked through all the same.
#[test]
fn a29_what_a_joined_filter_drafts_is_redacted() {
    let world = world(vec![Reply::Text(Box::leak(format!("the key is {}", key()).into_boxed_str()))]);
    let id = world.run("ace-session", &["new", "--no-worktree", "go"]).ok().trim().to_owned();
    let join = |filter: &[&str]| world.command("ace-log", &[&["join", &id, "--"], filter].concat()).spawn().unwrap();
    let joins = [join(&["ace-tool"]), join(&["ace-session", "step"]), join(&["ace-model"])];
    crate::suite::eventually("its turn ends", || world.types(&id).iter().any(|ty| ty == "turn.completed"));
    for mut filter in joins {
        filter.kill().unwrap();
        let _ = filter.wait().unwrap();
    }
    assert!(world.run("ace-log", &["text", &id]).ok().starts_with("the key is ‹redacted:gitlab#"));
    nowhere(&world, &[]);
}

/// An old log: the same records in a new chain, its blobs and the digests of its decisions with it; the old one aside, or gone.
#[test]
fn p54_an_old_log_is_scrubbed_into_a_new_chain() {
    let long = format!("{}; i=0; while [ $i -lt 3000 ]; do echo line $i of many; i=$((i+1)); done", printing());
    let write = serde_json::json!({"path": "x", "content": key()}).to_string();
    let calls = vec![shell(&long), ("write", write)];
    let world = world(vec![Reply::Calls("", calls), Reply::Text("done")]);
    world.add_config("[redact]\ngate = \"off\"\n");
    let _ = world.run("ace", &RUN).done();
    let (id, before) = (world.sessions().remove(0), world.log("@only"));
    let found = || {
        let needles = [key(), value()];
        let home = world.ace_home();
        [holding(&home.join("sessions"), &needles), holding(&home.join("blobs"), &needles)].concat()
    };
    assert!(found().len() >= 4, "{:?}", found());
    let kept = world.run("ace-log", &["scrub", &id]).ok();
    assert!(kept.contains("lines and 1 blobs say something else now") && kept.contains("scrubbed-"), "{kept}");
    assert!(world.run("ace-log", &["verify", &id]).ok().contains("chain whole"));
    let after = world.log(&id);
    assert_eq!(before.len(), after.len());
    for (old, new) in before.iter().zip(&after) {
        assert_eq!(
            (&old["seq"], &old["ts"], &old["id"], &old["type"]),
            (&new["seq"], &new["ts"], &new["id"], &new["type"])
        );
    }
    // The decisions are over the calls as they are now.
    let status = world.run("ace", &["show", &id]).ok();
    assert!(!status.contains(&key()), "{status}");
    let again = world.run("ace-log", &["scrub", &id]).ok();
    assert!(again.contains("nothing was changed"), "{again}");
    let aside = std::fs::read_dir(world.ace_home().join("sessions"))
        .unwrap()
        .flatten()
        .find(|e| e.file_name().to_string_lossy().contains("scrubbed"));
    std::fs::remove_dir_all(world.log_file(&id).parent().unwrap()).unwrap();
    std::fs::rename(aside.unwrap().path(), world.log_file(&id).parent().unwrap()).unwrap();
    let gone = world.run("ace-log", &["scrub", &id, "--remove"]).ok();
    assert!(gone.contains("removed: the old log, and 1 of 1 old blobs"), "{gone}");
    assert_eq!(found(), [""; 0]);
    assert!(world.run("ace-log", &["verify", &id]).ok().contains("chain whole"));
}
