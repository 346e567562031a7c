//! How long things take beside the `git` program, in the same run:
//! `cargo test --release -p ace-worktree -- --ignored --nocapture measure`

use std::time::{Duration, Instant};

use ace_worktree::{Carry, Force, How, commit_all, create, diff, list, remove};

use crate::fixture::*;

/// How long `work` takes.
fn time(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

/// The middle one.
fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The middle of `rounds` runs.
fn median(rounds: usize, mut work: impl FnMut(usize)) -> Duration {
    middle((0..rounds).map(|round| time(|| work(round))).collect())
}

fn compare(files: usize, rounds: usize) {
    let fixture = Fixture::empty();
    for n in 0..files {
        let text = format!("line {n}\n").repeat(200 + n % 50);
        fixture.write(format!("d{}/e{}/f{n}", n % 20, n % 200), text);
    }
    fixture.commit("all");
    fixture.git(&["repack", "-adq"]);
    // In turn, so that other load on the machine meets all three.
    let (mut ours, mut theirs, mut parallel) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..rounds {
        ours.push(time(|| {
            let name = format!("ours-{n}");
            create(&fixture.open(), &name, &fixture.place(&name), None, Carry::Leave).unwrap();
        }));
        for (times, name, workers) in [(&mut theirs, "theirs", "1"), (&mut parallel, "parallel", "0")] {
            let (name, workers) = (format!("{name}-{n}"), format!("checkout.workers={workers}"));
            let at = fixture.place(&name);
            times.push(time(|| {
                fixture.git(&["-c", &workers, "worktree", "add", "-q", "-b", &name, at.to_str().unwrap()]);
            }));
        }
    }
    let (ours, theirs, parallel) = (middle(ours), middle(theirs), middle(parallel));
    let status = median(rounds, |_| assert!(fixture.open().changed().unwrap().is_clean()));
    let git_status = median(rounds, |_| assert_eq!(porcelain(&fixture.root()), ""));
    let places: Vec<_> = (0..rounds).map(|n| fixture.place(&format!("ours-{n}"))).collect();
    let listed = list(&fixture.open()).unwrap();
    let place = |n: usize| listed.iter().find(|listed| listed.place.path == places[n]).unwrap().place.clone();
    let differ = median(rounds, |n| {
        write(&places[n].join("d0/e0/f0"), "changed\n");
        write(&places[n].join("new"), "new\n");
        assert_eq!(diff(&place(n), "main").unwrap().files.len(), 2);
    });
    let commit = median(rounds, |n| drop(commit_all(&place(n), "m", &uma()).unwrap().unwrap()));
    let mut moved = 0;
    let land = median(1, |_| moved = land_as(&fixture.open(), &place(0), How::Merge, "m").unwrap().files);
    assert_eq!(moved, 2);
    let all = median(1, |_| assert_eq!(list(&fixture.open()).unwrap().len(), rounds));
    let gone = median(rounds, |n| drop(remove(&fixture.open(), &places[n], Force::Yes).unwrap()));
    let git_gone = median(rounds, |n| {
        drop(fixture.git(&["worktree", "remove", fixture.place(&format!("theirs-{n}")).to_str().unwrap()]));
    });
    println!(
        "{files} files: create {ours:.1?}, git worktree add {theirs:.1?} (checkout.workers=0 {parallel:.1?}); \
         changed {status:.1?}, git status {git_status:.1?}; diff {differ:.1?}; commit_all {commit:.1?}; \
         land forward {land:.1?}; list of {rounds} {all:.1?}; remove {gone:.1?}, git worktree remove {git_gone:.1?}"
    );
}

#[test]
#[ignore = "takes a while and says nothing about right or wrong"]
fn measure_create() {
    compare(10, 15);
    compare(2_000, 5);
    compare(20_000, 5);
}

/// States of `files` files beside `git status`: unchanged, with ten changed files, and the first look of a new process.
fn states(files: usize, rounds: usize) {
    let fixture = Fixture::empty();
    for n in 0..files {
        fixture.write(format!("d{}/e{}/f{n}", n % 20, n % 200), format!("line {n}\n").repeat(20 + n % 50));
    }
    fixture.commit("all");
    let place = fixture.create("x").place;
    let ground = ace_worktree::Ground::of(&place).unwrap();
    let pool = ace_worktree::Pool::open(&fixture.home.path().join("pools"), &ground.common_dir).unwrap();
    let open = || ace_worktree::Lens::open(&pool, &ground, None).unwrap();
    git(&place.path, &["status"]);
    let status = median(rounds, |_| assert_eq!(porcelain(&place.path), ""));
    let first = median(rounds, |_| assert!(!open().look().unwrap().is_new()));
    let mut lens = open();
    lens.look().unwrap();
    let unchanged = median(rounds, |_| assert!(!lens.look().unwrap().is_new()));
    let (mut ten, mut ten_status) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        for n in 0..10 {
            write(&place.path.join(format!("d{n}/e{n}/f{n}")), format!("round {round}\n"));
        }
        ten.push(time(|| assert!(lens.look().unwrap().is_new())));
        ten_status.push(time(|| assert_eq!(porcelain(&place.path).lines().count(), 10)));
    }
    let (ten, ten_status) = (middle(ten), middle(ten_status));
    let base = lens.look().unwrap();
    let back = median(rounds, |_| drop(lens.restore(&base.tree).unwrap()));
    println!(
        "{files} files: unchanged {unchanged:.2?}, git status {status:.2?}; ten changed {ten:.2?}, git status {ten_status:.2?}; \
         a new process's first {first:.2?}; a way back to the same {back:.2?}"
    );
}

#[test]
#[ignore = "takes a while and says nothing about right or wrong"]
fn measure_states() {
    states(10, 15);
    states(2_000, 9);
    states(50_000, 5);
}
