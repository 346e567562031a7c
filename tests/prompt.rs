//! The prompt on a real terminal: `ace` without a command, and `ace resume`.

use crate::server::{Reply, Server};
use crate::suite::World;
use crate::terminal::{Terminal, has_tmux};

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
