//! `ace rebase`: steps left out, in another order, and of another session.

use crate::run::shell;
use crate::server::{Reply, Server};
use crate::suite::World;

const STEPS: [&str; 4] =
    ["echo one > one.txt", "sed -i 's/^b$/B/' a.txt", "echo three > three.txt", "sed -i 's/^d$/D/' a.txt"];

fn world() -> World {
    let world = World::with_model(Server::by(|answers| match STEPS.get(answers) {
        Some(step) => Reply::Calls("", vec![shell(step)]),
        None => Reply::Text("Done."),
    }))
    .repository(&[("a.txt", "a\nb\nc\nc\nc\nd\ne\n")]);
    let _ = world.run("ace", &["run", "-q", "--mode", "auto", "--name", "steps", "go"]).done();
    world
}

/// Records of the steps in order.
fn steps(world: &World) -> Vec<String> {
    let list = world.run("ace", &["rebase", "steps"]).ok();
    list.lines().map(|line| line.split_whitespace().nth(1).unwrap().to_owned()).collect()
}

fn text(world: &World, name: &str) -> Option<String> {
    std::fs::read_to_string(world.place(&world.sessions()[0]).join(name)).ok()
}

#[test]
fn one_step_is_undone_and_those_after_it_stay() {
    let world = world();
    let all = steps(&world);
    assert_eq!(all.len(), 4);
    let _ = world.run("ace", &["rebase", "steps", "--drop", &all[1]]).done();
    assert_eq!(text(&world, "a.txt").unwrap(), "a\nb\nc\nc\nc\nD\ne\n");
    assert!(text(&world, "one.txt").is_some() && text(&world, "three.txt").is_some());
    let snapshot = world.last(&world.sessions()[0], "worktree.snapshot");
    assert_eq!(snapshot["why"], "rebase");
    let _ = world.run("ace-log", &["verify", "steps"]).done();
    // Nothing is erased: back to before it.
    let before = world.log(&world.sessions()[0]).len() - 1;
    let _ = world.run("ace", &["rewind", &format!("steps@{before}")]).done();
    assert_eq!(text(&world, "a.txt").unwrap(), "a\nB\nc\nc\nc\nD\ne\n");
}

#[test]
fn an_editor_puts_steps_in_another_order_and_grafts_those_of_others() {
    let mut world = world();
    let _ = world.run("ace", &["run", "-q", "--mode", "auto", "--name", "other", "--base", "HEAD", "go"]).done();
    let all = steps(&world);
    let grafted = world.run("ace", &["rebase", "other"]).ok().split_whitespace().nth(1).unwrap().to_owned();
    let script =
        format!("printf 'pick {}\\ndrop {}\\npick {}\\ngraft other@{grafted}\\n' > \"$1\"", all[3], all[1], all[2]);
    std::fs::write(world.path("editor"), format!("#!/bin/sh\n{script}\n")).unwrap();
    let editor = format!("sh {}", world.path("editor").display());
    world.env.push(("EDITOR", editor));
    let _ = world.run("ace", &["rebase", "-i", "steps"]).done();
    assert_eq!(text(&world, "a.txt").unwrap(), "a\nb\nc\nc\nc\nD\ne\n");
    assert!(text(&world, "one.txt").is_some(), "a step of the other session");
    assert!(text(&world, "three.txt").is_some());
}

#[test]
fn what_does_not_fit_changes_nothing() {
    let world = World::with_model(Server::by(|answers| match answers {
        0 => Reply::Calls("", vec![shell("echo first > a.txt")]),
        1 => Reply::Calls("", vec![shell("echo first and second > a.txt")]),
        _ => Reply::Text("Done."),
    }))
    .repository(&[("a.txt", "a\n")]);
    let _ = world.run("ace", &["run", "-q", "--mode", "auto", "--name", "steps", "go"]).done();
    let all = steps(&world);
    let lines = world.log(&world.sessions()[0]).len();
    let _ = world
        .run("ace", &["rebase", "steps", "--drop", &all[0]])
        .fails(1, &["does not fit", "a.txt", "nothing was changed"]);
    assert_eq!(
        (text(&world, "a.txt").unwrap().as_str(), world.log(&world.sessions()[0]).len()),
        ("first and second\n", lines)
    );
    let _ = world.run("ace", &["rebase", "steps", "--drop", "1"]).fails(2, &["no step @1"]);
    let _ = world.feed("ace", &["rebase", "steps", "--todo", "-"], b"squash 3\n").fails(2, &["no line of a list"]);
}
