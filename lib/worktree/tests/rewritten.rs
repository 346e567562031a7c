//! States written anew: contents are others, all else stays.

use ace_worktree::{Editor, Ground, Lens, Pool, Rewritten};

use crate::fixture::*;

/// Takes one word out.
struct Without(&'static str);

impl Editor for Without {
    fn content(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let text = std::str::from_utf8(bytes).ok()?;
        text.contains(self.0).then(|| text.replace(self.0, "…").into_bytes())
    }

    fn may_be_named(&mut self, name: &[u8]) -> bool {
        !name.windows(self.0.len()).any(|part| part == self.0.as_bytes())
    }

    fn message(&mut self, text: &[u8]) -> Option<Vec<u8>> {
        self.content(text)
    }
}

#[test]
fn contents_are_others_and_modes_links_and_what_holds_nothing_stay() {
    let fixture = Fixture::new();
    let place = fixture.create("x").place;
    let ground = Ground::of(&place).unwrap();
    let pool = Pool::open(&fixture.home.path().join("pools"), &ground.common_dir).unwrap();
    let mut lens = Lens::open(&pool, &ground, None).unwrap();
    write(&place.path.join("other/plain"), "nothing\n");
    let clean = lens.look().unwrap().tree;
    write(&place.path.join("deep/er/run"), "say hunter2\n");
    std::fs::set_permissions(place.path.join("deep/er/run"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    write(&place.path.join("deep/same"), "say hunter2\n");
    std::os::unix::fs::symlink("deep/same", place.path.join("deep/link")).unwrap();
    let held = lens.look().unwrap().tree;
    let base = fixture.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let ids = [base.clone(), clean.clone(), held.clone()];
    let done = pool.rewrite(&ids, &mut Without("hunter2")).unwrap();
    assert_eq!((done.files, &done.refused), (1, &None));
    assert!(!done.renamed.contains_key(&clean) && !done.renamed.contains_key(&base), "{done:?}");
    let new = done.renamed.get(&held).unwrap();
    let diff = pool.diff(&held, new).unwrap();
    let mut paths: Vec<_> = diff.files.iter().map(|file| file.path.display().to_string()).collect();
    paths.sort();
    assert_eq!(paths, ["deep/er/run", "deep/same"]);
    let patch = String::from_utf8(diff.patch).unwrap();
    assert!(patch.contains("-say hunter2\n+say …\n") && !patch.contains("new mode"), "{patch}");
    // Of what is clean nothing is written anew.
    assert_eq!(pool.rewrite(std::slice::from_ref(new), &mut Without("hunter2")).unwrap(), Rewritten::default());
    // A name is not for us to change.
    write(&place.path.join("hunter2.txt"), "x\n");
    let named = lens.look().unwrap().tree;
    let refused = pool.rewrite(&[named], &mut Without("hunter2")).unwrap().refused;
    assert_eq!(refused.as_deref(), Some("hunter2.txt"));
}

#[test]
fn a_commit_is_made_anew_with_its_parents_and_says_another_thing() {
    let fixture = Fixture::new();
    fixture.git(&["commit", "-q", "--allow-empty", "-m", "the word is hunter2"]);
    let head = fixture.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let place = fixture.create("x").place;
    let ground = Ground::of(&place).unwrap();
    let pool = Pool::open(&fixture.home.path().join("pools"), &ground.common_dir).unwrap();
    let done = pool.rewrite(std::slice::from_ref(&head), &mut Without("hunter2")).unwrap();
    let new = done.renamed.get(&head).unwrap();
    assert_eq!(pool.tree(new).unwrap(), pool.tree(&head).unwrap());
}
