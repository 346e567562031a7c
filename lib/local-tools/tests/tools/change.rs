//! write and edit.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use ace_schema::data::{Changed, Code};
use serde_json::json;

use crate::scene::Scene;

fn names(scene: &Scene) -> Vec<String> {
    let entries = std::fs::read_dir(&scene.root).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_new_file_is_written_with_its_folders() {
    let scene = Scene::new();
    let done = scene.done("write", json!({"path": "a/b/c.txt", "content": "one\ntwo\n"}));
    assert_eq!(done.output.text, "wrote 2 lines, 8 bytes\n");
    assert_eq!(done.changed, [Changed { path: "a/b/c.txt".to_owned(), added: 2, removed: 0 }]);
    assert_eq!(done.patch, "--- /dev/null\n+++ b/a/b/c.txt\n@@ -0,0 +1,2 @@\n+one\n+two\n");
    assert_eq!(scene.text("a/b/c.txt"), "one\ntwo\n");
    let again = scene.done("write", json!({"path": "a/b/c.txt", "content": "one\ntwo\n"}));
    assert!(again.changed.is_empty() && again.output.text.starts_with("no change"));
}

#[test]
fn a_file_is_replaced_at_once_and_keeps_its_mode() {
    let scene = Scene::new();
    let path = scene.file("run.sh", "old\n");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o750)).unwrap();
    let before = std::fs::metadata(&path).unwrap().ino();
    let done = scene.done("write", json!({"path": "run.sh", "content": "new\n"}));
    let after = std::fs::metadata(&path).unwrap();
    assert_ne!(before, after.ino());
    assert_eq!(after.mode() & 0o7777, 0o750);
    assert_eq!(done.changed, [Changed { path: "run.sh".to_owned(), added: 1, removed: 1 }]);
    assert_eq!(names(&scene), ["run.sh"]);
}

#[test]
fn what_is_no_file_is_not_written() {
    let scene = Scene::new();
    scene.file("d/f", "x");
    for (path, code) in [
        ("d", Code::Arguments),
        (".", Code::Arguments),
        ("d/f/g", Code::NotFound),
        ("new/", Code::Arguments),
        ("", Code::Arguments),
    ] {
        let failed = scene.failed("write", json!({"path": path, "content": "y"}));
        assert_eq!(failed.code, code, "{path}: {}", failed.message);
    }
    assert_eq!(scene.text("d/f"), "x");
    assert_eq!(names(&scene), ["d"]);
    assert_eq!(scene.failed("edit", json!({"path": "none", "old": "a", "new": "b"})).code, Code::NotFound);
    assert_eq!(scene.failed("write", json!({"path": "big", "content": "x".repeat(9 << 20)})).code, Code::Limit);
}

#[test]
fn an_edit_replaces_one_place() {
    let scene = Scene::new();
    scene.file("m.awk", "BEGIN\nEND {\n  print v[1]\n}\n");
    let done = scene.done("edit", json!({"path": "m.awk", "old": "  print v[1]\n", "new": "  print v[2]\n  exit\n"}));
    assert_eq!(done.output.text, "replaced line 3, +2 -1\n");
    assert_eq!(done.changed, [Changed { path: "m.awk".to_owned(), added: 2, removed: 1 }]);
    assert!(done.patch.contains("-  print v[1]\n+  print v[2]\n+  exit\n"), "{}", done.patch);
    assert_eq!(scene.text("m.awk"), "BEGIN\nEND {\n  print v[2]\n  exit\n}\n");
}

#[test]
fn an_edit_that_could_mean_two_places_changes_nothing() {
    let scene = Scene::new();
    scene.file("a", "x\ny\nx\n");
    let failed = scene.failed("edit", json!({"path": "a", "old": "x", "new": "z"}));
    assert_eq!(failed.code, Code::Arguments);
    assert!(failed.message.contains("2 times in a, in lines 1, 3"), "{}", failed.message);
    assert_eq!(scene.text("a"), "x\ny\nx\n");
    let done = scene.done("edit", json!({"path": "a", "old": "x", "new": "z", "all": true}));
    assert_eq!(done.output.text, "replaced 2 places, the first in line 1, +2 -2\n");
    assert_eq!(scene.text("a"), "z\ny\nz\n");
}

#[test]
fn an_edit_that_finds_nothing_shows_the_nearest_place() {
    let scene = Scene::new();
    scene.file("a.rs", "fn a() {\n    one();\n}\nfn b() {\n    two();\n}\n");
    let failed = scene.failed("edit", json!({"path": "a.rs", "old": "fn b() {\n  too();\n}", "new": ""}));
    assert_eq!(failed.code, Code::NotFound);
    assert!(failed.message.contains("lines 4-6, where 2 lines are the same"), "{}", failed.message);
    assert_eq!(failed.output.unwrap().text, "fn b() {\n    two();\n}\n");
    assert_eq!(scene.failed("edit", json!({"path": "a.rs", "old": "", "new": "x"})).code, Code::Arguments);
    assert_eq!(scene.failed("edit", json!({"path": "a.rs", "old": "x", "new": "x"})).code, Code::Arguments);
}

#[test]
fn bytes_around_an_edit_stay_though_they_are_no_utf8() {
    let scene = Scene::new();
    let path = scene.file("latin", b"caf\xe9\nold\n\xff");
    scene.done("edit", json!({"path": "latin", "old": "old", "new": "new"}));
    assert_eq!(std::fs::read(path).unwrap(), b"caf\xe9\nnew\n\xff");
    scene.file("bin", b"old\0");
    assert!(scene.failed("edit", json!({"path": "bin", "old": "old", "new": "new"})).message.contains("binary"));
}

#[test]
fn a39_a_diff_of_a_million_lines_is_summed_up() {
    let scene = Scene::new();
    let old: String = (0..400_000).map(|n| format!("{n}\n")).collect();
    let new: String = (0..400_000).map(|n| format!("{}\n", n * 7 % 400_000)).collect();
    scene.file("big", old);
    let start = std::time::Instant::now();
    let done = scene.done("write", json!({"path": "big", "content": new}));
    assert!(done.patch.is_empty());
    assert!(done.changed[0].added > 100_000 && done.changed[0].added - done.changed[0].removed == 0);
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    scene.file("bin", b"\0\n");
    let done = scene.done("write", json!({"path": "bin", "content": "text\n"}));
    assert!(done.patch.is_empty() && done.changed[0].added == 1);
}

#[test]
fn a05_p26_another_name_of_a_file_keeps_the_old_content() {
    let scene = Scene::new();
    std::fs::hard_link(&scene.secret, scene.root.join("inside")).unwrap();
    let secret = std::fs::read_to_string(&scene.secret).unwrap();
    scene.done("edit", json!({"path": "inside", "old": "secret", "new": "open"}));
    assert_eq!(std::fs::read_to_string(&scene.secret).unwrap(), secret);
    scene.done("write", json!({"path": "inside", "content": "gone"}));
    assert_eq!(std::fs::read_to_string(&scene.secret).unwrap(), secret);
    assert_eq!(scene.text("inside"), "gone");
}

#[test]
fn a37_closed_and_vanished_folders_give_clear_errors() {
    let scene = Scene::new();
    scene.file("d/f", "x");
    if rustix::process::geteuid().is_root() {
        println!("SKIPPED a37 in part: root may write anywhere");
    } else {
        std::fs::set_permissions(scene.root.join("d"), std::fs::Permissions::from_mode(0o500)).unwrap();
        let failed = scene.failed("write", json!({"path": "d/g", "content": "y"}));
        assert_eq!((failed.code, failed.message.as_str()), (Code::Io, "permission denied: d/g"));
        std::fs::set_permissions(scene.root.join("d"), std::fs::Permissions::from_mode(0o700)).unwrap();
        std::fs::set_permissions(scene.root.join("d/f"), std::fs::Permissions::from_mode(0o400)).unwrap();
        assert_eq!(scene.failed("write", json!({"path": "d/f", "content": "y"})).code, Code::Io);
    }
    std::fs::remove_dir_all(&scene.root).unwrap();
    for (tool, args) in [
        ("read", json!({"path": "d/f"})),
        ("list", json!({})),
        ("grep", json!({"pattern": "x"})),
        ("write", json!({"path": "d/f", "content": "x"})),
        ("shell", json!({"command": "true"})),
    ] {
        let failed = scene.failed(tool, args);
        assert_eq!(failed.code, Code::NotFound, "{tool}: {}", failed.message);
    }
}
