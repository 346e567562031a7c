//! The prompt on a real terminal: `ace` without a command, and `ace resume`.

use crate::run::shell;
use crate::server::{Reply, Server};
use crate::suite::{World, eventually};
use crate::terminal::{Terminal, has_tmux};
use std::os::unix::fs::PermissionsExt;

/// A model with these answers, in a repository.
fn world(replies: Vec<Reply>) -> World {
    World::with_model(Server::start(replies)).repository(&[("hello.txt", "hello\n"), (".gitignore", "*.log\n")])
}

/// A terminal at the prompt.
fn prompt<'w>(world: &'w World, columns: usize, variables: &str) -> Terminal<'w> {
    // Programs that are started anew for every turn would make the same ids again from one seed.
    let terminal = Terminal::open(world, columns, 30, &format!("ACE_SEED= {variables}"));
    terminal.line("ace; echo \"[$?]\"");
    terminal.shows("\n>");
    terminal
}

fn bodies(world: &World) -> Vec<String> {
    world.model.as_ref().unwrap().bodies()
}

#[test]
fn messages_of_one_prompt_are_turns_of_one_session() {
    if !has_tmux() {
        return;
    }
    for (columns, variables) in [(80, ""), (40, "NO_COLOR=1"), (80, "TERM=dumb")] {
        let world = world(vec![Reply::Text("The first answer."), Reply::Text("The second answer.")]);
        let terminal = prompt(&world, columns, variables);
        terminal.line("say hello");
        terminal.shows("The first answer.");
        terminal.shows("say-hello  ask  turn 1  unpriced");
        terminal.line("and again");
        terminal.shows("The second answer.");
        terminal.shows("say-hello  ask  turn 2  unpriced");
        terminal.line("/quit");
        terminal.shows("the session stays: ace resume say-");
        let screen = terminal.ended(0);
        assert_eq!(screen.matches("session say-hello").count(), 1, "{screen}");
        assert_eq!(screen.matches("The first answer.").count(), 1, "{screen}");
        assert_eq!(screen.matches("> and again").count(), 1, "{screen}");
        let second = bodies(&world).pop().unwrap();
        assert!(second.contains("say hello") && second.contains("The first answer.") && second.contains("and again"));
        assert_eq!(world.types("@only").iter().filter(|t| *t == "user.message").count(), 2);
        let colours = terminal.tmux("capture-pane -p -e -S -");
        assert_eq!(colours.contains("\u{1b}[32m"), variables.is_empty(), "{colours:?}");
        terminal.is_as_before();
    }
}

#[test]
fn what_the_model_asks_is_answered_by_a_number_or_by_words() {
    if !has_tmux() {
        return;
    }
    let choices = serde_json::json!([{"label": "sqlite", "detail": "in memory"}, {"label": "postgres"}]);
    let ask = |question: &str| {
        let args = serde_json::json!({"question": question, "choices": choices}).to_string();
        Reply::Calls("", vec![("ask_user", args)])
    };
    let world = world(vec![ask("which database?"), ask("which now?"), ask("and the last?"), Reply::Text("All said.")]);
    let terminal = prompt(&world, 80, "");
    terminal.line("set it up");
    terminal.shows("? which database?");
    terminal.shows("1 sqlite    in memory");
    terminal.shows("2 postgres");
    terminal.shows("1-2 choose");
    let seen = || std::thread::sleep(std::time::Duration::from_millis(700));
    seen();
    terminal.keys("2");
    terminal.shows("✓ answered: postgres");
    terminal.shows("? which now?");
    seen();
    terminal.line("mysql of mine");
    terminal.shows("✓ answered: mysql of mine");
    terminal.shows("? and the last?");
    seen();
    terminal.keys("C-n");
    terminal.shows("⊘ refused by you");
    terminal.shows("All said.");
    let outputs: Vec<_> = world.log("@only").into_iter().filter(|l| l["type"] == "tool.completed").collect();
    let told: Vec<_> = outputs.iter().filter_map(|l| l["data"]["output"]["text"].as_str()).collect();
    assert_eq!(told, ["postgres", "mysql of mine"]);
    terminal.line("/quit");
}

#[test]
fn questions_are_answered_at_the_prompt_and_the_mode_can_change() {
    if !has_tmux() {
        return;
    }
    let world = world(vec![
        Reply::Calls("", vec![shell("echo one")]),
        Reply::Calls("", vec![shell("echo two")]),
        Reply::Text("First turn."),
        Reply::Calls("", vec![shell("echo three")]),
        Reply::Text("Second turn."),
    ]);
    let terminal = prompt(&world, 80, "");
    terminal.line("run them");
    for key in ["y", "n"] {
        terminal.shows("y once");
        std::thread::sleep(std::time::Duration::from_millis(700));
        terminal.keys(key);
        let done = if key == "y" { "✓ allowed once" } else { "⊘ refused by you" };
        terminal.shows(done);
    }
    terminal.shows("First turn.");
    terminal.shows("run-them  ask  turn 1  unpriced");
    terminal.line("/mode auto");
    terminal.shows("mode auto from here on");
    assert_eq!(world.last("@only", "session.configured")["mode"], "auto");
    terminal.line("go on");
    // Without a sandbox that holds, auto asks: what was answered before is not asked again by this test.
    terminal.shows("run-them  auto  turn 2  unpriced");
    terminal.shows("Second turn.");
    terminal.keys("C-d");
    terminal.shows("the session stays");
    terminal.ended(0);
}

#[test]
fn escape_stops_the_turn_and_keeps_the_session() {
    if !has_tmux() {
        return;
    }
    let world = World::with_model(Server::by(|answers| match answers {
        0 => Reply::Hang("A word that has no"),
        _ => Reply::Text("Then this."),
    }))
    .repository(&[("hello.txt", "hello\n")]);
    let terminal = prompt(&world, 80, "");
    terminal.line("speak");
    terminal.shows("A word that has no");
    terminal.keys("Escape");
    terminal.shows("! cancelled");
    terminal.shows("speak  ask  turn 1  unpriced\n>");
    assert!(world.types("@only").contains(&"turn.cancelled".to_owned()));
    terminal.keys("C-c");
    terminal.shows("^C again or ^D leaves, the session stays");
    terminal.keys("C-c");
    terminal.shows("ace resume speak");
    terminal.ended(0);
    terminal.is_as_before();
}

#[test]
fn what_is_typed_while_a_turn_runs_is_its_next_turn_or_steers_it() {
    if !has_tmux() {
        return;
    }
    let world = world(vec![
        Reply::Calls("", vec![shell("until test -e go; do sleep 0.05; done")]),
        Reply::Text("First turn."),
        Reply::Text("Second turn."),
    ]);
    let terminal = prompt(&world, 80, "");
    terminal.line("/mode auto");
    terminal.line("wait");
    terminal.shows("▸ shell");
    terminal.keys("-l 'and then thisx'");
    terminal.keys("BSpace");
    terminal.shows("\n> and then this");
    terminal.keys("Enter");
    terminal.shows("queued   and then this");
    std::fs::write(world.path("paste"), "pasted\n".repeat(20)).unwrap();
    terminal.tmux(&format!("load-buffer {}", world.path("paste").display()));
    terminal.tmux("paste-buffer -p");
    terminal.shows("> [paste 20 lines]");
    terminal.keys("C-c");
    eventually("the line is empty", || !terminal.screen().contains("[paste"));
    terminal.line("/now hurry up");
    terminal.shows("> hurry up");
    assert_eq!(world.last("@only", "user.message")["now"], true);
    terminal.keys("-l 'not yet sent'");
    terminal.shows("> not yet sent");
    std::fs::write(world.place("@only").join("go"), "").unwrap();
    terminal.shows("Second turn.");
    terminal.shows("wait  auto  turn 2  unpriced");
    terminal.shows("\n> not yet sent");
    let screen = terminal.screen();
    assert!(!screen.contains("queued"), "{screen}");
    let asked = bodies(&world);
    assert!(asked[1].contains("hurry up") && !asked[1].contains("and then this"), "{}", asked[1]);
    assert!(asked[2].contains("and then this"), "{}", asked[2]);
    assert!(screen.find("First turn.").unwrap() < screen.find("> and then this").unwrap(), "{screen}");
    terminal.keys("C-c");
    terminal.keys("C-d");
    terminal.ended(0);
}

#[test]
fn a_queued_message_steers_by_enter_and_comes_back_by_up() {
    if !has_tmux() {
        return;
    }
    for columns in [80, 40] {
        let world = world(vec![
            Reply::Calls("", vec![shell("until test -e go; do sleep 0.05; done")]),
            Reply::Text("First turn."),
            Reply::Text("Second turn."),
        ]);
        let terminal = prompt(&world, columns, "");
        terminal.line("/mode auto");
        terminal.line("wait");
        terminal.shows("▸ shell");
        terminal.line("add a test");
        terminal.shows("queued   add a te");
        terminal.shows("Enter: now  Up: edit");
        terminal.shows("1 queued");
        terminal.shows("Esc stops");
        terminal.keys("Up");
        terminal.shows("\n> add a test");
        eventually("nothing is queued", || !terminal.screen().contains("queued  "));
        assert_eq!(world.types("@only").last().unwrap(), "message.withdrawn");
        terminal.line(" for the empty list");
        terminal.shows("queued   add a te");
        // With nothing typed, Enter means: now.
        terminal.keys("Enter");
        terminal.shows("steers   add a test ");
        terminal.shows("\n> add a test for the empty list\n");
        assert_eq!(world.types("@only").last().unwrap(), "message.steered");
        terminal.line("then this");
        terminal.shows("queued   then this");
        std::fs::write(world.place("@only").join("go"), "").unwrap();
        terminal.shows("Second turn.");
        // The number of the turn that was not begun is used up.
        terminal.shows("wait  auto  turn 3  unpriced");
        let asked = bodies(&world);
        assert!(asked[1].contains("add a test for the empty list") && !asked[1].contains("then this"), "{}", asked[1]);
        assert!(asked[2].contains("then this"), "{}", asked[2]);
        assert_eq!(asked[2].matches("add a test").count(), 1, "{}", asked[2]);
        let screen = terminal.screen();
        assert!(screen.lines().all(|l| ace_view::text::cells(l) <= columns), "{screen}");
        terminal.keys("C-d");
        terminal.ended(0);
        terminal.is_as_before();
    }
}

#[test]
fn the_last_output_has_a_page_of_its_own_while_the_turn_goes_on() {
    if !has_tmux() {
        return;
    }
    let wait = "seq 1 3000";
    let then = "until test -e go; do sleep 0.05; done";
    let world = world(vec![
        Reply::Calls("", vec![shell(wait)]),
        Reply::Calls("", vec![shell(then)]),
        Reply::Text("All is counted."),
    ]);
    let terminal = prompt(&world, 80, "PAGER='cat > page; echo paged; read x < /dev/tty'");
    terminal.keys("C-o");
    terminal.shows("no call has printed anything yet");
    terminal.line("/mode auto");
    terminal.line("count");
    terminal.shows("▸ shell  until");
    terminal.keys("-l 'typed before'");
    terminal.shows("> typed before");
    terminal.keys("C-o");
    terminal.shows("\npaged");
    let page = std::fs::read_to_string(world.project().join("page")).unwrap();
    assert_eq!(page.lines().count(), 3000, "the whole, not what the model saw");
    // The turn goes on meanwhile, and what it says waits for the page's end.
    std::fs::write(world.place("@only").join("go"), "").unwrap();
    eventually("the turn ends", || world.types("@only").contains(&"turn.completed".to_owned()));
    assert!(!terminal.screen().contains("All is counted."), "{}", terminal.screen());
    terminal.keys("Enter");
    terminal.shows("All is counted.");
    terminal.shows("count  auto  turn 1  unpriced\n> typed before");
    assert_eq!(terminal.screen().matches("All is counted.").count(), 1);
    terminal.keys("C-o");
    eventually("paged again", || terminal.screen().matches("\npaged").count() == 2);
    terminal.keys("Enter");
    eventually("the line stays", || terminal.screen().ends_with("\n> typed before"));
    terminal.keys("C-c");
    terminal.keys("C-d");
    terminal.ended(0);
    terminal.is_as_before();
}

#[test]
fn a_screen_that_somebody_wrote_over_is_painted_anew() {
    if !has_tmux() {
        return;
    }
    let world =
        world(vec![Reply::Calls("", vec![shell("until test -e go; do sleep 0.05; done")]), Reply::Text("Done.")]);
    let terminal = prompt(&world, 80, "");
    terminal.line("/mode auto");
    terminal.line("wait");
    terminal.shows("▸ shell");
    let tty = terminal.tmux("display-message -p '#{pane_tty}'");
    std::fs::write(tty.trim(), "garbage\r\nof others").unwrap();
    terminal.shows("garbage");
    terminal.keys("C-l");
    eventually("it is clean", || !terminal.tmux("capture-pane -p").contains("garbage"));
    terminal.shows("▸ shell");
    std::fs::write(world.place("@only").join("go"), "").unwrap();
    terminal.shows("Done.");
    terminal.shows("turn 1  unpriced\n>");
    terminal.keys("C-d");
    terminal.ended(0);
    terminal.is_as_before();
}

#[test]
fn who_looks_elsewhere_is_called_once_and_who_looks_hears_the_bell() {
    if !has_tmux() {
        return;
    }
    let world = world(vec![
        Reply::Calls("", vec![shell("echo one")]),
        Reply::Calls("", vec![shell("echo two")]),
        Reply::Text("Done."),
    ]);
    world.add_config("[notify]\ndesktop = \"osc9\"\n");
    let terminal = prompt(&world, 80, "");
    let sent = world.path("sent");
    terminal.tmux(&format!("pipe-pane -o 'cat >> {}'", sent.display()));
    let sent = || String::from_utf8_lossy(&std::fs::read(world.path("sent")).unwrap_or_default()).into_owned();
    terminal.line("run them");
    terminal.shows("y once");
    eventually("the bell", || sent().contains('\u{7}'));
    assert!(sent().contains("\u{1b}[?1004h") && !sent().contains("\u{1b}]9;"), "{:?}", sent());
    // As the terminal says that its window lost the focus.
    terminal.tmux("send-keys -H 1b 5b 4f");
    std::thread::sleep(std::time::Duration::from_millis(700));
    terminal.keys("y");
    terminal.shows("✓ allowed once");
    eventually("the message", || sent().contains("\u{1b}]9;run-them asks: shell echo two\u{1b}\\"));
    terminal.tmux("send-keys -H 1b 5b 49");
    std::thread::sleep(std::time::Duration::from_millis(700));
    terminal.keys("y");
    terminal.shows("turn 1  unpriced");
    eventually("the terminal tells no more", || sent().matches("\u{1b}[?1004l").count() >= 1);
    assert_eq!(sent().matches("\u{1b}]9;").count(), 1, "{:?}", sent());
    assert_eq!(sent().matches('\u{7}').count(), 2, "{:?}", sent());
    terminal.keys("C-d");
    terminal.ended(0);
    terminal.is_as_before();
}

#[test]
fn resume_opens_the_prompt_on_a_session() {
    if !has_tmux() {
        return;
    }
    let world = world(vec![Reply::Text("First turn."), Reply::Text("Second turn."), Reply::Text("Third turn.")]);
    let _ = world.run("ace", &["run", "begin"]).done();
    let terminal = Terminal::open(&world, 80, 30, "ACE_SEED=");
    terminal.line("ace resume begin; echo \"[$?]\"");
    terminal.shows("\nbegin  ask  turn 1");
    terminal.line("go on");
    terminal.shows("Second turn.");
    terminal.shows("begin  ask  turn 2  unpriced");
    terminal.keys("-l 'half a line'");
    terminal.shows("> half a line");
    // Somebody else says something: it is shown here, and this terminal runs it.
    let _ = world.run("ace", &["say", "begin", "from elsewhere"]).ok();
    terminal.shows("> from elsewhere");
    terminal.shows("Third turn.");
    terminal.shows("begin  ask  turn 3  unpriced\n> half a line");
    terminal.keys("C-c");
    terminal.keys("C-d");
    terminal.ended(0);
    assert_eq!(world.sessions().len(), 1);
}

#[test]
fn a_paste_of_ten_thousand_lines_is_folded_and_sent_whole() {
    if !has_tmux() {
        return;
    }
    let world = world(vec![Reply::Text("Read.")]);
    let text: String = (0..10_000).map(|n| format!("line {n} of a paste\n")).collect();
    std::fs::write(world.path("paste"), &text).unwrap();
    let terminal = prompt(&world, 80, "");
    terminal.keys("-l 'see '");
    terminal.tmux(&format!("load-buffer {}", world.path("paste").display()));
    terminal.tmux("paste-buffer -p");
    terminal.shows("> see [paste 10000 lines]");
    terminal.keys("Enter");
    terminal.shows("Read.");
    let body = bodies(&world).pop().unwrap();
    assert!(body.contains("see line 0 of") && body.contains("line 9999 of a paste"));
    terminal.shows("turn 1  unpriced");
    terminal.keys("C-d");
    assert!(!terminal.ended(0).contains("line 5 of a paste"));
}

#[test]
fn lines_are_continued_completed_and_remembered() {
    if !has_tmux() {
        return;
    }
    let world = world(vec![Reply::Text("One."), Reply::Text("Two.")]);
    let terminal = prompt(&world, 80, "");
    terminal.keys("-l 'first'");
    terminal.keys("M-Enter");
    terminal.keys("-l 'second \\'");
    terminal.keys("Enter");
    terminal.keys("-l 'third @he'");
    terminal.keys("Tab");
    terminal.shows("third @hello.txt");
    terminal.keys("Enter");
    terminal.shows("One.");
    terminal.shows("turn 1  unpriced");
    assert_eq!(world.last("@only", "user.message")["text"], "first\nsecond \nthird @hello.txt");
    terminal.line("/quit");
    terminal.ended(0);
    let history = world.ace_home().join("history");
    assert_eq!(std::fs::metadata(&history).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(std::fs::read_to_string(&history).unwrap().contains("/quit"));
    terminal.line("clear; ace");
    terminal.shows("\n>");
    terminal.keys("Up Up");
    terminal.shows("third @hello.txt");
}

#[test]
fn the_persons_own_commands_go_with_the_next_message() {
    if !has_tmux() {
        return;
    }
    let world = world(vec![Reply::Text("Seen."), Reply::Text("Reviewed.")]);
    let own = world.path("commands");
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(own.join("review.md"), "Review $ARGUMENTS.\n").unwrap();
    let project = world.project().join(".ace/commands");
    std::fs::create_dir_all(&project).unwrap();
    std::fs::write(project.join("tidy.md"), "Tidy up.\n").unwrap();
    let terminal = prompt(&world, 80, "");
    terminal.line("!echo loud; echo clear >&2; exit 3");
    terminal.shows("\nloud\nclear\ngoes with the next message");
    terminal.line("what was that?");
    terminal.shows("Seen.");
    terminal.shows("what-was-that  ask  turn 1  unpriced");
    let text = world.last("@only", "user.message")["text"].as_str().unwrap().to_owned();
    assert_eq!(text, "$ echo loud; echo clear >&2; exit 3\nloud\nclear\n[exit status: 3]\n\nwhat was that?");
    terminal.line("/review hello.txt");
    terminal.shows("Reviewed.");
    terminal.shows("turn 2  unpriced");
    assert_eq!(world.last("@only", "user.message")["text"], "Review hello.txt.");
    terminal.line("/tidy");
    terminal.shows("from ");
    terminal.shows("\n> Tidy up.");
    terminal.keys("C-c");
    eventually("the line is empty", || terminal.screen().ends_with("\n>"));
    terminal.line("/hlep");
    terminal.shows("did you mean /help?");
    terminal.line("/model tets/other");
    terminal.shows("did you mean 'test'?");
    terminal.line("/model test/other");
    terminal.shows("model test/other from here on");
    assert_eq!(world.last("@only", "session.configured")["model"], "test/other");
    terminal.line("/cost");
    terminal.shows("2 of the model");
    terminal.line("/diff");
    terminal.line("/log");
    terminal.shows("turn.completed");
    terminal.line("/help");
    terminal.shows("/review");
    terminal.line("/permissions");
    terminal.shows("ask: reading is free");
    terminal.keys("C-d");
    terminal.ended(0);
    terminal.is_as_before();
}

#[test]
fn typing_at_a_question_never_approves() {
    if !has_tmux() {
        return;
    }
    let world = world(vec![Reply::Calls("", vec![shell("echo one")]), Reply::Text("Done."), Reply::Text("Yes?")]);
    let terminal = prompt(&world, 40, "");
    terminal.line("run it");
    terminal.shows("y once");
    std::thread::sleep(std::time::Duration::from_millis(700));
    terminal.keys("-l 'why only one'");
    terminal.shows("\n> why only one");
    terminal.keys("-l 'y'");
    terminal.shows("\n> why only oney");
    assert!(!world.types("@only").contains(&"permission.resolved".to_owned()));
    let screen = terminal.screen();
    assert!(screen.lines().all(|l| ace_view::text::cells(l) <= 40), "{screen}");
    terminal.keys("C-u");
    eventually("the line is empty", || !terminal.screen().contains("\n> why"));
    terminal.keys("y");
    terminal.shows("✓ allowed once");
    terminal.shows("Done.");
    terminal.shows("turn 1  unpriced\n>");
    assert!(!terminal.screen().contains("wants to run"), "{}", terminal.screen());
}

/// Two calls that one rule covers, and a third that it does not.
fn asking() -> World {
    world(vec![
        Reply::Calls("", vec![shell("touch one")]),
        Reply::Calls("", vec![shell("touch one")]),
        Reply::Calls("", vec![shell("touch two")]),
        Reply::Text("Done."),
    ])
}

/// Presses a key that lasts at the first question, then Enter, and refuses what it does not cover.
fn grant(world: &World, terminal: &Terminal, key: &str, reach: &str) {
    terminal.shows("y once  s session  p project  a always  e edit rule  t try  n no  N no, but");
    std::thread::sleep(std::time::Duration::from_millis(700));
    // A key that begins a word allows nothing, nor does the way back; what is not painted keeps its lines.
    terminal.keys(key);
    terminal.shows(&format!("allow shell 'touch one' {reach}\n  Enter yes  Esc back"));
    if key != "a" {
        terminal.keys("Escape");
        terminal.shows("y once");
        assert!(!world.types("@only").contains(&"permission.resolved".to_owned()));
        terminal.keys(key);
        terminal.shows("Enter yes");
    }
    assert!(!world.types("@only").contains(&"permission.resolved".to_owned()));
    terminal.keys("Enter");
    terminal.shows(&format!("✓ allowed {reach}  touch one"));
    terminal.shows("touch two");
    terminal.shows("N no, but");
    std::thread::sleep(std::time::Duration::from_millis(700));
    terminal.keys("n");
    terminal.shows("Done.");
    let answers: Vec<_> = world.log("@only").into_iter().filter(|l| l["type"] == "permission.resolved").collect();
    let decided: Vec<_> = answers.iter().map(|a| a["data"]["decision"].as_str().unwrap()).collect();
    assert_eq!(decided, ["allow", "allow", "deny"], "{answers:?}");
    assert_eq!(answers[0]["data"]["grant"]["command"], "touch one");
}

#[test]
fn p20_a_key_and_enter_allow_what_was_shown_as_far_as_was_said() {
    if !has_tmux() {
        return;
    }
    for (key, reach) in [("s", "for this session"), ("p", "for this project"), ("a", "always")] {
        let world = asking();
        let file = world.config_file().with_file_name("rules.toml");
        // At the prompt and in a run alike, painted or not.
        let terminal = if key == "s" {
            let terminal = prompt(&world, 80, "");
            terminal.line("go");
            terminal
        } else {
            let terminal = Terminal::open(&world, 80, 40, if key == "a" { "TERM=dumb" } else { "" });
            terminal.line("ace run go; echo \"[$?]\"");
            terminal
        };
        grant(&world, &terminal, key, reach);
        let rules = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(rules.contains("command = \"touch one\""), key != "s", "{rules}");
        assert_eq!(rules.contains("project = "), key == "p", "{rules}");
    }
}

#[test]
fn a_message_that_begins_with_a_key_that_lasts_is_a_message() {
    if !has_tmux() {
        return;
    }
    let world = asking();
    let terminal = prompt(&world, 80, "");
    terminal.line("go");
    terminal.shows("y once");
    std::thread::sleep(std::time::Duration::from_millis(700));
    terminal.keys("-l 'please stop'");
    terminal.shows("\n> please stop");
    terminal.keys("Enter");
    eventually("it is a message", || world.types("@only").iter().filter(|t| *t == "user.message").count() == 2);
    assert!(!world.types("@only").contains(&"permission.resolved".to_owned()));
    terminal.keys("Escape");
    terminal.shows("! cancelled");
}

#[test]
fn keys_that_last_are_offered_only_with_a_rule() {
    if !has_tmux() {
        return;
    }
    let world = world(vec![Reply::Calls("", vec![shell("bash")]), Reply::Text("Done.")]);
    let terminal = prompt(&world, 40, "");
    terminal.line("go");
    terminal.shows("  y once  t try  n no  N no, but");
    assert!(world.last("@only", "permission.requested").get("proposal").is_none());
    std::thread::sleep(std::time::Duration::from_millis(700));
    terminal.keys("a");
    terminal.shows("\n> a");
    assert!(!terminal.screen().contains("Enter yes"));
    assert!(!world.types("@only").contains(&"permission.resolved".to_owned()));
}

#[test]
fn a_call_is_tried_by_a_key_seen_and_adopted_as_it_was_seen() {
    if !has_tmux() {
        return;
    }
    for at_prompt in [true, false] {
        let odd = "cat /proc/sys/kernel/random/uuid > made; echo seen";
        let world = world(vec![Reply::Calls("", vec![shell(odd)]), Reply::Text("Done.")]);
        let terminal = if at_prompt {
            let terminal = prompt(&world, 100, "");
            terminal.line("go");
            terminal
        } else {
            let terminal = Terminal::open(&world, 100, 40, "");
            terminal.line("ace run go; echo \"[$?]\"");
            terminal
        };
        terminal.shows("t try");
        std::thread::sleep(std::time::Duration::from_millis(700));
        terminal.keys("t");
        if at_prompt {
            terminal.shows("run it in a copy, no network  Enter yes  Esc back");
            terminal.keys("Enter");
        }
        terminal.shows("? tried in a copy, no network: exit 0");
        terminal.shows("made +1");
        terminal.shows("y adopt exactly this  v view diff  o output  t try again  n drop it  N no, but");
        let place = world.place("@only");
        assert!(!place.join("made").exists());
        std::thread::sleep(std::time::Duration::from_millis(700));
        terminal.keys("y");
        terminal.shows("✓ allowed once");
        terminal.shows("Done.");
        let seen = world.last("@only", "effect.completed");
        assert_eq!(world.last("@only", "tool.completed"), seen["outcome"]);
        let made = std::fs::read_to_string(place.join("made")).unwrap();
        assert!(seen["outcome"]["patch"].as_str().unwrap().contains(made.trim()), "{seen}");
    }
}

#[test]
fn a_rule_is_changed_before_it_is_granted_and_one_that_does_not_fit_is_told() {
    if !has_tmux() {
        return;
    }
    let world = asking();
    let terminal = prompt(&world, 100, "");
    terminal.line("go");
    terminal.shows("e edit rule");
    std::thread::sleep(std::time::Duration::from_millis(700));
    terminal.keys("e");
    terminal.shows("  rule: touch one");
    terminal.keys("C-u");
    terminal.keys("-l 'rm ...'");
    terminal.keys("Enter");
    terminal.shows("the rule 'rm ...' does not cover this call");
    assert!(!world.types("@only").contains(&"permission.resolved".to_owned()));
    terminal.keys("e");
    terminal.shows("  rule: touch one");
    terminal.keys("C-u");
    terminal.keys("-l 'touch ...'");
    terminal.keys("Enter");
    terminal.shows("y once");
    terminal.keys("s");
    terminal.shows("allow shell 'touch ...' for this session");
    terminal.keys("Enter");
    terminal.shows("Done.");
    let answers: Vec<_> = world.log("@only").into_iter().filter(|l| l["type"] == "permission.resolved").collect();
    assert_eq!(answers[0]["data"]["grant"]["command"], "touch ...");
    assert!(answers.iter().all(|a| a["data"]["decision"] == "allow"), "{answers:?}");
}

#[test]
fn a_fork_opens_in_the_same_prompt_and_a_conversation_is_made_shorter() {
    if !has_tmux() {
        return;
    }
    let world =
        world(vec![Reply::Text("The first answer."), Reply::Text("The second answer."), Reply::Text("# Goal\nnone\n")]);
    let terminal = prompt(&world, 80, "");
    terminal.line("/compact");
    terminal.shows("nothing is said yet");
    terminal.line("/fork");
    terminal.shows("there is no session yet");
    terminal.line("say hello");
    terminal.shows("say-hello  ask  turn 1  unpriced\n>");
    let last = world.log("@only").pop().unwrap();
    let (parent, end) = (last["session"].as_str().unwrap().to_owned(), last["seq"].as_u64().unwrap());
    terminal.line(&format!("/fork @{end}"));
    terminal.shows(&format!("session say-hello-2  branch ace/say-hello-2  from say-hello@{end}"));
    terminal.line("and again");
    terminal.shows("The second answer.");
    terminal.shows("say-hello-2  ask  turn 2  unpriced\n>");
    let bodies = bodies(&world);
    assert!(bodies[1].contains("say hello") && bodies[1].contains("The first answer."), "{}", bodies[1]);
    let first = world.types(&parent);
    assert_eq!(first.iter().filter(|t| *t == "user.message").count(), 1, "{first:?}");
    terminal.line("/compact the names");
    terminal.shows("compacted  ");
    terminal.shows("turn 3  unpriced\n>");
    assert!(self::bodies(&world)[2].contains("Keep above all: the names"));
    terminal.line("/fork 99999");
    terminal.shows("no line @99999");
    terminal.line("go on");
    terminal.shows("turn 4  unpriced\n>");
    let last = self::bodies(&world).pop().unwrap();
    assert!(last.contains("# Goal") && !last.contains("The second answer."), "{last}");
    terminal.line("/help");
    terminal.shows("/fork [@LINE]");
    terminal.line("/quit");
    terminal.shows("ace resume say-hello-2");
    terminal.ended(0);
}

#[test]
fn the_status_line_says_how_much_of_window_and_budget_is_used() {
    if !has_tmux() {
        return;
    }
    let model = Server::by(|_| Reply::Calls("", vec![shell("sleep 300")]));
    let mut world = World::with_model(model).repository(&[("hello.txt", "hello\n")]);
    world.env.push(("ACE_CONTEXT", "4000".to_owned()));
    world.add_config("[prices.\"test/scripted\"]\ninput = 1\noutput = 2\n[quota.session]\nmoney = 1.00\n");
    let terminal = prompt(&world, 80, "");
    terminal.line("/mode auto");
    terminal.line("wait");
    terminal.shows(" of $1.00  context ");
    terminal.shows(" %");
    terminal.keys("Escape");
    terminal.shows("! cancelled");
}

#[test]
fn two_terminals_on_one_session_stay_in_step() {
    if !has_tmux() {
        return;
    }
    let world = world(vec![
        Reply::Text("First turn."),
        Reply::Calls("", vec![shell("until test -e go; do sleep 0.05; done")]),
        Reply::Text("Second turn."),
    ]);
    let one = prompt(&world, 80, "");
    one.line("/mode auto");
    one.line("begin");
    one.shows("begin  auto  turn 1  unpriced");
    let two = Terminal::open(&world, 80, 30, "ACE_SEED=");
    two.line("ace resume begin; echo \"[$?]\"");
    two.shows("begin  auto  turn 1");
    two.keys("-l 'a draft'");
    two.shows("> a draft");
    one.line("go on");
    // The second terminal shows the turn that the first one runs, and can speak into it.
    two.shows("> go on");
    two.shows("▸ shell");
    two.shows("> a draft");
    std::fs::write(world.place("@only").join("go"), "").unwrap();
    for terminal in [&one, &two] {
        terminal.shows("Second turn.");
        terminal.shows("begin  auto  turn 2  unpriced");
    }
    two.shows("turn 2  unpriced\n> a draft");
    two.keys("C-c");
    for terminal in [&one, &two] {
        terminal.keys("C-d");
        terminal.ended(0);
        terminal.is_as_before();
    }
}

#[test]
fn whoever_ends_the_prompt_otherwise_finds_the_terminal_as_it_was() {
    if !has_tmux() {
        return;
    }
    let world = world(vec![Reply::Text("Never.")]);
    let terminal = Terminal::open(&world, 80, 30, "");
    terminal.line("sh -c 'echo $$ > pid; exec ace'; echo \"[$?]\"");
    terminal.shows("\n>");
    let pid = std::fs::read_to_string(world.project().join("pid")).unwrap();
    // ^C is for the person's own command, not for the prompt.
    terminal.line("!sleep 60");
    terminal.shows("sleep 60");
    eventually("the command runs", || world.sh(&format!("pgrep -P {} sleep", pid.trim())).code == Some(0));
    terminal.keys("C-c");
    terminal.shows("goes with the next message");
    terminal.keys("-l 'half'");
    terminal.shows("> half");
    let _ = world.sh(&format!("kill -TERM {}", pid.trim())).done();
    terminal.ended(143);
    terminal.is_as_before();
    assert!(world.sessions().is_empty());
}

#[test]
fn a_turn_that_fails_leaves_the_prompt() {
    if !has_tmux() {
        return;
    }
    let refused = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let world = world(vec![Reply::Http(refused.to_owned())]);
    let terminal = prompt(&world, 80, "ACE_PLAIN=1");
    terminal.line("say hello");
    terminal.shows("✗ failed");
    terminal.shows("say-hello  ask  turn 1");
    // A terminal that goes takes the prompt with it, and nothing else.
    terminal.line("!echo $PPID > ../pid");
    terminal.shows("goes with the next message");
    let pid = std::fs::read_to_string(world.place("@only").join("../pid")).unwrap();
    terminal.tmux("kill-pane");
    eventually("the prompt has ended", || world.sh(&format!("kill -0 {}", pid.trim())).code != Some(0));
    assert_eq!(world.sessions().len(), 1);
}
