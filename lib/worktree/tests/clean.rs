//! Pools of states: what no record names goes after a day, what one names never does; and states mirrored for git.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use ace_worktree::{Cleaned, Error, Ground, Lens, Pool, State, mirror};

use crate::fixture::*;

fn lens(fixture: &Fixture) -> (Pool, Lens, std::path::PathBuf) {
    let place = fixture.create("x").place;
    let ground = Ground::of(&place).unwrap();
    let pool = Pool::open(&fixture.home.path().join("pools"), &ground.common_dir).unwrap();
    let lens = Lens::open(&pool, &ground, None).unwrap();
    (pool, lens, place.path)
}

/// Makes every object as old as that.
fn age(fixture: &Fixture, hours: u64) {
    let then = SystemTime::now() - Duration::from_secs(hours * 3600);
    for path in walk(&fixture.home.path().join("pools")).iter().filter(|path| path.contains("/objects/")) {
        if let Ok(file) = std::fs::File::open(path) {
            let _ = file.set_modified(then);
        }
    }
}

/// Cleans as soon as nobody looks: a program that another test starts just now holds what this one has open until it runs.
fn clean(pool: &Pool, named: &HashSet<String>, dry_run: bool) -> Cleaned {
    let begun = std::time::Instant::now();
    loop {
        match pool.clean(named, dry_run) {
            Err(Error::Busy { .. }) if begun.elapsed() < Duration::from_secs(30) => {
                std::thread::sleep(Duration::from_millis(5));
            }
            done => return done.unwrap(),
        }
    }
}

#[test]
fn what_no_record_names_goes_after_a_day_and_the_rest_stays() {
    let fixture = Fixture::new();
    let (pool, mut lens, root) = lens(&fixture);
    write(&root.join("deep/kept"), "kept\n");
    let kept = lens.look().unwrap().tree;
    write(&root.join("deep/lost"), "lost\n");
    std::fs::remove_file(root.join("deep/kept")).unwrap();
    let lost = lens.look().unwrap().tree;
    let named = HashSet::from([kept.clone(), "1".repeat(40), "no id".into()]);
    age(&fixture, 25);
    assert!(matches!(pool.clean(&named, false), Err(Error::Busy { .. })), "somebody looks through it");
    drop(lens);
    let all = Pool::all(&fixture.home.path().join("pools")).unwrap();
    assert_eq!((all.len(), all[0].common_dir()), (1, pool.common_dir()));
    let dry = clean(&all[0], &named, true);
    assert_eq!((dry.objects, dry.kept), (3, 3), "{dry:?}");
    assert!(pool.tree(&lost).is_ok());
    age(&fixture, 23);
    assert_eq!(clean(&pool, &named, false).objects, 0, "younger than a day");
    age(&fixture, 25);
    assert_eq!(clean(&pool, &named, false), dry);
    assert!(pool.tree(&lost).is_err());
    let folder = fixture.home.path().join("out");
    pool.materialise(&kept, &folder).unwrap();
    assert_eq!(std::fs::read_to_string(folder.join("deep/kept")).unwrap(), "kept\n");
    assert_eq!(clean(&pool, &named, false).objects, 0);
}

#[test]
fn states_are_a_line_of_commits_under_refs_ace_only_when_asked() {
    let fixture = Fixture::new();
    let (pool, mut lens, root) = lens(&fixture);
    let before = fixture.git(&["for-each-ref"]);
    let mut states = Vec::new();
    for n in 1..=3 {
        write(&root.join("deep/file"), format!("{n}\n"));
        states.push(State { tree: lens.look().unwrap().tree, message: format!("step {n}") });
    }
    assert_eq!(fixture.git(&["for-each-ref"]), before);
    let (name, copied) = mirror(&fixture.open(), &pool, "s", Some("main"), &states).unwrap();
    assert_eq!((name.as_str(), copied), ("refs/ace/s", 9));
    assert_eq!(fixture.git(&["log", "--format=%s", "refs/ace/s"]), "step 3\nstep 2\nstep 1\nfirst\n");
    assert_eq!(fixture.git(&["show", "refs/ace/s~1:deep/file"]), "2\n");
    fixture.git(&["fsck", "--strict"]);
    fixture.git(&["gc", "-q", "--prune=now"]);
    assert_eq!(fixture.git(&["show", "refs/ace/s:deep/file"]), "3\n");
    assert_eq!(mirror(&fixture.open(), &pool, "s", Some("main"), &states).unwrap().1, 0, "nothing is copied twice");
    assert!(mirror(&fixture.open(), &pool, "../heads/main", None, &states).is_err());
    assert_eq!(fixture.git(&["branch", "--show-current"]), "main\n");
}
