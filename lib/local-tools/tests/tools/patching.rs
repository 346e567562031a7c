//! patch, and edit with several replacements.

use ace_schema::data::Code;
use serde_json::json;

use crate::scene::Scene;

const V4A: &str = "*** Begin Patch
*** Update File: a.txt
@@
 one
-two
+TWO
*** Add File: new/b.txt
+hello
*** Update File: c.txt
*** Move to: moved/d.txt
-c
+d
*** Delete File: gone.txt
*** End Patch
";

fn scene() -> Scene {
    let scene = Scene::new();
    scene.file("a.txt", "one\ntwo\nthree\n");
    scene.file("c.txt", "c\n");
    scene.file("gone.txt", "x\n");
    scene
}

#[test]
fn several_files_change_at_once() {
    let scene = scene();
    let done = scene.done("patch", json!({"patch": V4A}));
    assert_eq!(scene.text("a.txt"), "one\nTWO\nthree\n");
    assert_eq!(scene.text("new/b.txt"), "hello\n");
    assert_eq!(scene.text("moved/d.txt"), "d\n");
    assert!(!scene.root.join("c.txt").exists() && !scene.root.join("gone.txt").exists());
    assert_eq!(done.output.text, "changed a.txt\nadded new/b.txt\nmoved c.txt to moved/d.txt\ndeleted gone.txt\n");
    let changed: Vec<(&str, u64, u64)> = done.changed.iter().map(|c| (c.path.as_str(), c.added, c.removed)).collect();
    assert_eq!(
        changed,
        [("a.txt", 1, 1), ("new/b.txt", 1, 0), ("c.txt", 0, 1), ("moved/d.txt", 1, 0), ("gone.txt", 0, 1)]
    );
    assert!(done.patch.contains("--- a/gone.txt\n+++ /dev/null\n"), "{}", done.patch);
}

#[test]
fn one_part_that_does_not_fit_leaves_every_file_as_it_was() {
    let scene = scene();
    let wrong = V4A.replace("-c\n", "-nothing of the kind\n");
    let failed = scene.failed("patch", json!({"patch": wrong}));
    assert_eq!(failed.code, Code::NotFound);
    assert!(failed.message.contains("c.txt, part 1"), "{}", failed.message);
    assert_eq!(scene.text("a.txt"), "one\ntwo\nthree\n");
    assert!(!scene.root.join("new/b.txt").exists() && scene.root.join("gone.txt").exists());
}

#[test]
fn a01_a03_p26_a_patch_stays_in_the_worktree() {
    let scene = scene();
    std::os::unix::fs::symlink(&scene.secret, scene.root.join("link")).unwrap();
    for path in ["../secret", "link", "/etc/passwd", "~/.bashrc", ".git/config", ".GIT/hooks/x"] {
        for body in [format!("*** Update File: {path}\n-a\n+b\n"), format!("*** Delete File: {path}\n")] {
            let text = format!("*** Begin Patch\n{body}*** End Patch\n");
            scene.outside("patch", json!({"patch": text}));
        }
        let text = format!("*** Begin Patch\n*** Update File: a.txt\n*** Move to: {path}\n-two\n+x\n*** End Patch\n");
        let failed = scene.failed("patch", json!({"patch": text}));
        assert!(matches!(failed.code, Code::PathOutside | Code::Arguments), "{path}: {failed:?}");
    }
    assert_eq!(scene.text("a.txt"), "one\ntwo\nthree\n");
    assert_eq!(std::fs::read_to_string(&scene.secret).unwrap(), crate::scene::SECRET);
}

#[test]
fn what_is_there_is_not_added_again() {
    let scene = scene();
    let text = "*** Begin Patch\n*** Add File: a.txt\n+x\n*** End Patch\n";
    assert!(scene.failed("patch", json!({"patch": text})).message.contains("is there already"));
    assert!(scene.failed("patch", json!({"patch": "hello"})).message.contains("no file is named"));
}

#[test]
fn several_replacements_are_made_in_order_or_not_at_all() {
    let scene = scene();
    let edits = json!([{"old": "one", "new": "1"}, {"old": "1\ntwo", "new": "1\n2"}]);
    let done = scene.done("edit", json!({"path": "a.txt", "edits": edits}));
    assert_eq!(scene.text("a.txt"), "1\n2\nthree\n");
    assert_eq!((done.changed[0].added, done.changed[0].removed), (2, 2));
    let edits = json!([{"old": "three", "new": "3"}, {"old": "four", "new": "4"}]);
    let failed = scene.failed("edit", json!({"path": "a.txt", "edits": edits}));
    assert!(failed.message.starts_with("edit 2: old does not occur"), "{}", failed.message);
    assert_eq!(scene.text("a.txt"), "1\n2\nthree\n");
    for (args, why) in [
        (json!({"path": "a.txt"}), "'old' is missing"),
        (json!({"path": "a.txt", "edits": []}), "edits takes 1 to"),
        (json!({"path": "a.txt", "old": "a", "new": "b", "edits": []}), "either old and new, or edits"),
        (json!({"path": "a.txt", "edits": ["x"]}), "edit 1: wants an object"),
        (json!({"path": "a.txt", "edits": [{"old": "1", "new": "x", "neu": 1}]}), "no argument 'neu'"),
    ] {
        let failed = scene.failed("edit", args);
        assert!(failed.message.contains(why), "{}", failed.message);
    }
}
