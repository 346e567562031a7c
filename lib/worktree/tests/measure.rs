//! How long things take beside the `git` program, in the same run:
//! `cargo test --release -p ace-worktree -- --ignored --nocapture measure`

use std::time::{Duration, Instant};

use ace_worktree::{Carry, create};

use crate::fixture::*;

/// The middle of `rounds` runs.
fn median(rounds: usize, mut work: impl FnMut(usize)) -> Duration {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|round| {
            let began = Instant::now();
            work(round);
            began.elapsed()
        })
        .collect();
    times.sort();
    times[rounds / 2]
}

fn compare(files: usize, rounds: usize) {
    let fixture = Fixture::empty();
    for n in 0..files {
        let text = format!("line {n}\n").repeat(200 + n % 50);
        fixture.write(format!("d{}/e{}/f{n}", n % 20, n % 200), text);
    }
    fixture.commit("all");
    fixture.git(&["repack", "-adq"]);
    let ours = median(rounds, |n| {
        let name = format!("ours-{n}");
        create(&fixture.open(), &name, &fixture.place(&name), None, Carry::Leave).unwrap();
    });
    let theirs = median(rounds, |n| {
        let (name, at) = (format!("theirs-{n}"), fixture.place(&format!("theirs-{n}")));
        fixture.git(&["worktree", "add", "-q", "-b", &name, at.to_str().unwrap()]);
    });
    let parallel = median(rounds, |n| {
        let (name, at) = (format!("par-{n}"), fixture.place(&format!("par-{n}")));
        let workers = "checkout.workers=0";
        fixture.git(&["-c", workers, "worktree", "add", "-q", "-b", &name, at.to_str().unwrap()]);
    });
    let status = median(rounds, |_| assert!(fixture.open().changed().unwrap().is_clean()));
    let git_status = median(rounds, |_| assert_eq!(porcelain(&fixture.root()), ""));
    println!(
        "{files} files: create {ours:.1?}, git worktree add {theirs:.1?} (checkout.workers=0 {parallel:.1?}); \
         changed {status:.1?}, git status {git_status:.1?}"
    );
}

#[test]
#[ignore = "takes a while and says nothing about right or wrong"]
fn measure_create() {
    compare(10, 15);
    compare(2_000, 5);
    compare(20_000, 5);
}
