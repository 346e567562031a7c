//! Worktrees that are gone or broken, had back from what is recorded of them; and states as files elsewhere.

use ace_worktree::{Created, Error, Force, Ground, Lens, Lost, Pool, Recovered, commit_all, recover, remove};

use crate::fixture::*;

/// A worktree with a commit, uncommitted work and an ignored file, and its recorded state.
struct Site {
    fixture: Fixture,
    made: Created,
    pool: Pool,
    tree: String,
    commit: String,
}

fn site() -> Site {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    write(&made.place.path.join("committed"), "c\n");
    let commit = commit_all(&made.place, "work", &uma()).unwrap().unwrap().commit;
    write(&made.place.path.join("a.txt"), "changed\n");
    write(&made.place.path.join("new/one"), "n\n");
    std::fs::remove_file(made.place.path.join("link")).unwrap();
    write(&made.place.path.join("made.o"), "ignored\n");
    let ground = Ground::of(&made.place).unwrap();
    let pool = Pool::open(&fixture.home.path().join("pools"), &ground.common_dir).unwrap();
    let tree = Lens::open(&pool, &ground, None).unwrap().look().unwrap().tree;
    Site { fixture, made, pool, tree, commit }
}

impl Site {
    fn recover(&self) -> Result<Option<Recovered>, Error> {
        let lost = Lost {
            place: &self.made.place,
            branch: &self.made.branch,
            base: &self.made.base_commit,
            from: "main",
            tree: Some(&self.tree),
            commit: Some(&self.commit),
        };
        recover(&self.fixture.open(), &self.pool, lost)
    }

    fn status(&self) -> String {
        porcelain(&self.made.place.path)
    }

    fn check(&self, back: &Recovered) {
        assert_eq!(self.status(), " M a.txt\n D link\n?? new/one\n");
        assert_eq!(git(&self.made.place.path, &["symbolic-ref", "--short", "HEAD"]), "ace/x\n");
        assert_eq!(git(&self.made.place.path, &["rev-parse", "HEAD"]).trim(), self.commit);
        let ground = Ground::of(&back.place).unwrap();
        assert_eq!(Lens::open(&self.pool, &ground, None).unwrap().look().unwrap().tree, self.tree);
        self.fixture.git(&["fsck"]);
        assert!(self.recover().unwrap().is_none(), "once is enough");
    }
}

#[test]
fn a_removed_worktree_comes_back_with_what_was_uncommitted() {
    let site = site();
    remove(&site.fixture.open(), &site.made.place.path, Force::Yes).unwrap();
    let back = site.recover().unwrap().unwrap();
    assert!(!back.branch_made && back.files > 0);
    assert_eq!(back.place, site.made.place);
    site.check(&back);
    assert!(!site.made.place.path.join("made.o").exists(), "what was ignored was never recorded");
}

#[test]
fn a_folder_that_was_deleted_by_hand_comes_back() {
    for pruned in [false, true] {
        let site = site();
        std::fs::remove_dir_all(&site.made.place.path).unwrap();
        if pruned {
            site.fixture.git(&["worktree", "prune"]);
            site.fixture.git(&["update-ref", "-d", "refs/heads/ace/x"]);
        }
        let back = site.recover().unwrap().unwrap();
        assert_eq!(back.branch_made, pruned);
        site.check(&back);
    }
}

#[test]
fn broken_links_are_set_right_and_no_file_is_touched() {
    let breaks: [fn(&Site); 4] = [
        |site| std::fs::remove_file(site.made.place.path.join(".git")).unwrap(),
        |site| std::fs::write(site.made.place.path.join(".git"), "gitdir: /nowhere\n").unwrap(),
        |site| {
            std::fs::remove_file(site.made.place.path.join(".git")).unwrap();
            std::os::unix::fs::symlink("/nowhere", site.made.place.path.join(".git")).unwrap();
        },
        |site| std::fs::remove_dir_all(&site.made.place.git_dir).unwrap(),
    ];
    for (n, break_it) in breaks.into_iter().enumerate() {
        let site = site();
        break_it(&site);
        write(&site.made.place.path.join("later"), "after the last record\n");
        let back = site.recover().unwrap().unwrap_or_else(|| panic!("{n}"));
        assert_eq!(back.files, 0);
        assert!(site.made.place.path.join("made.o").exists());
        assert_eq!(site.status(), " M a.txt\n D link\n?? later\n?? new/one\n", "{n}");
    }
}

#[test]
fn a_name_that_was_given_away_is_not_taken_back() {
    let site = site();
    remove(&site.fixture.open(), &site.made.place.path, Force::Yes).unwrap();
    let other = site.fixture.create("other");
    assert_eq!(other.place.git_dir, site.made.place.git_dir, "git gives the name to the next one");
    let back = site.recover().unwrap().unwrap();
    assert_ne!(back.place.git_dir, other.place.git_dir);
    site.check(&back);
    assert_eq!(porcelain(&other.place.path), "");
}

#[test]
fn what_cannot_be_had_back_is_said_and_nothing_is_left() {
    let site = site();
    remove(&site.fixture.open(), &site.made.place.path, Force::Yes).unwrap();
    site.fixture.git(&["switch", "-q", "ace/x"]);
    let refused = site.recover().unwrap_err().to_string();
    assert!(refused.contains("checked out in"), "{refused}");
    assert!(!site.made.place.path.exists());
    site.fixture.git(&["switch", "-q", "main"]);
    // Another repository in its place is nobody's to touch.
    std::fs::create_dir_all(&site.made.place.path).unwrap();
    git(&site.made.place.path, &["init", "-q"]);
    write(&site.made.place.path.join("theirs"), "t\n");
    assert!(matches!(site.recover(), Err(Error::Beyond { .. })));
    assert!(site.made.place.path.join("theirs").exists());
}

#[test]
fn a_recovery_that_was_cut_short_goes_on() {
    let site = site();
    remove(&site.fixture.open(), &site.made.place.path, Force::Yes).unwrap();
    site.recover().unwrap().unwrap();
    // As it stands when it is killed among the files.
    std::fs::write(site.made.place.git_dir.join("ace.recovering"), "").unwrap();
    std::fs::remove_file(site.made.place.path.join("a.txt")).unwrap();
    std::fs::remove_dir_all(site.made.place.path.join("new")).unwrap();
    let back = site.recover().unwrap().unwrap();
    site.check(&back);
}

#[test]
fn a_state_is_written_into_a_folder_of_its_own() {
    let site = site();
    let folder = site.fixture.home.path().join("deep/at");
    assert_eq!(site.pool.materialise(&site.tree, &folder).unwrap(), 6);
    let mut there: Vec<String> =
        walk(&folder).into_iter().map(|p| p[folder.to_str().unwrap().len()..].into()).collect();
    there.sort();
    let expected = ["/.gitignore", "/a.txt", "/committed", "/new", "/new/one", "/run.sh", "/src", "/src/lib.rs"];
    assert_eq!(there, expected);
    assert_eq!(std::fs::read_to_string(folder.join("a.txt")).unwrap(), "changed\n");
    use std::os::unix::fs::PermissionsExt;
    assert!(folder.join("run.sh").metadata().unwrap().permissions().mode() & 0o100 != 0);
    // What is there is never written into.
    assert!(matches!(site.pool.materialise(&site.tree, &folder), Err(Error::Occupied { .. })));
    assert!(matches!(site.pool.materialise(&"1".repeat(40), &folder.join("x")), Err(Error::BadRevision { .. })));
    assert_eq!(walk(folder.parent().unwrap()).len(), expected.len() + 1, "and nothing is left beside it");
}
