//! Pictures that a person shows: as a flag, named in a message, in a stream without a log; and what is refused.

use crate::server::{Reply, Server};
use crate::suite::World;
use crate::terminal::{Terminal, has_tmux};

/// The smallest picture: one pixel.
const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82";

fn world() -> World {
    let world = World::with_model(Server::by(|_| Reply::Text("Seen."))).repository(&[("hello.txt", "hello\n")]);
    std::fs::write(world.project().join("shot.png"), PIXEL).unwrap();
    world
}

/// The one picture of the last message: its media type, and that its bytes are kept.
#[track_caller]
fn is_kept(world: &World) {
    let said = world.last("@only", "user.message");
    let image = &said["images"][0];
    assert_eq!((&image["media"], &image["bytes"]), (&"image/png".into(), &PIXEL.len().into()), "{said}");
    let blob = world.ace_home().join("blobs").join(image["sha"].as_str().unwrap());
    assert_eq!(std::fs::read(blob).unwrap(), PIXEL);
}

#[test]
fn a_picture_is_a_blob_of_its_message() {
    let world = world();
    let _ = world.run("ace", &["run", "-q", "--image", "shot.png", "what is this?"]).done();
    is_kept(&world);
    let show = world.run("ace", &["show", "--full", "@last"]).ok();
    assert!(show.contains("> what is this?\n  [image PNG 70 B]\n"), "{show}");
    assert!(world.run("ace", &["verify", "@last"]).ok().contains("blob"), "the chain covers it");
    let _ = world.run("ace", &["say", "@last", "--image", "shot.png", "and this?"]).ok();
    is_kept(&world);
    assert_eq!(world.types("@only").iter().filter(|t| *t == "user.message").count(), 2);
}

#[test]
fn what_is_no_picture_is_refused_before_anything_is_made() {
    let world = world();
    std::fs::write(world.project().join("text.png"), "only words").unwrap();
    for (file, says) in [
        ("hello.txt", "ace: 'hello.txt' is no picture that models take\nhint: PNG, JPEG, GIF and WebP are"),
        ("text.png", "is no picture that models take"),
        ("none.png", "ace: cannot read"),
    ] {
        let run = world.run("ace", &["run", "--image", file, "look"]).fails(2, &[]);
        let said = run.stderr.replace(&format!("{}/", world.project().display()), "");
        assert!(said.contains(says) && run.stdout.is_empty(), "{file}: {said}");
    }
    assert!(world.sessions().is_empty());
}

#[test]
fn without_a_log_a_picture_travels_ahead_of_its_message() {
    let world = world();
    let once = world.run("ace-session", &["once", "--image", "shot.png", "what is this?"]).ok();
    let lines: Vec<serde_json::Value> = once.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let said = lines.iter().position(|l| l["type"] == "user.message").unwrap();
    let sha = &lines[said]["data"]["images"][0]["sha"];
    let blob = lines.iter().position(|l| l["type"] == "log.blob" && l["sha"] == *sha);
    assert!(blob.is_some_and(|blob| blob < said), "{once}");
    assert_eq!(world.run("ace", &["ask", "--image", "shot.png", "what is this?"]).ok(), "Seen.\n");
    let explained = world.run("ace", &["-x", "run", "--image", "shot.png", "look"]).ok();
    assert!(explained.contains("--image=shot.png"), "{explained}");
}

#[test]
fn at_the_prompt_a_picture_is_named_or_pasted() {
    if !has_tmux() {
        return;
    }
    let world = world();
    let terminal = Terminal::open(&world, 80, 30, "ACE_SEED=");
    terminal.line("ace; echo \"[$?]\"");
    terminal.shows("\n>");
    // Not committed, so the worktree does not have it: it is found where the person stands.
    terminal.line("what is @shot.png about?");
    terminal.shows("[image PNG 1x1 70 B]");
    terminal.shows("turn 1  unpriced\n>");
    is_kept(&world);
    std::fs::create_dir(world.path("my shots")).unwrap();
    std::fs::copy(world.project().join("shot.png"), world.path("my shots/b.png")).unwrap();
    std::fs::write(world.path("paste"), format!("'{}'", world.path("my shots/b.png").display())).unwrap();
    terminal.tmux(&format!("load-buffer {}", world.path("paste").display()));
    terminal.tmux("paste-buffer -p");
    terminal.keys("Enter");
    terminal.shows("turn 2  unpriced\n>");
    is_kept(&world);
    std::fs::write(world.project().join("bad.png"), "only words").unwrap();
    terminal.line("and @bad.png?");
    terminal.shows("is no picture that models take");
    assert_eq!(world.types("@only").iter().filter(|t| *t == "user.message").count(), 2);
    terminal.keys("C-d");
    terminal.ended(0);
    terminal.is_as_before();
}
