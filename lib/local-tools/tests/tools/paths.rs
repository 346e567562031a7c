//! Paths that try to leave, in every tool that takes one.

use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use ace_schema::data::Code;
use serde_json::{Value, json};

use crate::scene::{SECRET, Scene};

fn with_path(tool: &str, path: &str) -> Value {
    match tool {
        "write" => json!({"path": path, "content": "stolen"}),
        "edit" => json!({"path": path, "old": "secret", "new": "stolen"}),
        "grep" => json!({"path": path, "pattern": "."}),
        "glob" => json!({"path": path, "pattern": "**"}),
        _ => json!({"path": path}),
    }
}

const TOOLS: [&str; 6] = ["read", "list", "glob", "grep", "write", "edit"];

#[test]
fn a01_a02_paths_outside_are_refused() {
    let scene = Scene::new();
    scene.file("sub/x", "x");
    let beside = format!("{}/../secret", scene.root.display());
    let ppid = format!("/proc/{}/environ", std::process::id());
    let uri = format!("file://{}", scene.secret.display());
    for path in [
        "../secret",
        "../../etc/passwd",
        "sub/../../secret",
        "./../secret",
        "..",
        "/etc/passwd",
        "/",
        "//etc/passwd",
        "~",
        "~/.ssh/id_rsa",
        "~//etc",
        "file:///etc/passwd",
        &uri,
        "/proc/self/root/etc/passwd",
        &ppid,
        &beside,
        "../tree/sub/x",
        scene.secret.to_str().unwrap(),
    ] {
        for tool in TOOLS {
            scene.outside(tool, with_path(tool, path));
        }
    }
    assert_eq!(std::fs::read_to_string(&scene.secret).unwrap(), SECRET);
}

#[test]
fn a03_p33_links_that_leave_are_refused() {
    let scene = Scene::new();
    symlink("/", scene.root.join("slash")).unwrap();
    symlink("..", scene.root.join("up")).unwrap();
    symlink(&scene.secret, scene.root.join("file")).unwrap();
    symlink("../secret", scene.root.join("near")).unwrap();
    symlink("../new", scene.root.join("dangling")).unwrap();
    symlink("/proc/self/root", scene.root.join("magic")).unwrap();
    let deep = format!("slash{}", scene.secret.display());
    for path in ["file", "near", "up/secret", &deep, "magic/etc/passwd", "slash/etc/passwd", "up/secret/../secret"] {
        for tool in ["read", "write", "edit", "grep"] {
            let failed = scene.failed(tool, with_path(tool, path));
            // A file with something behind it is no path at all.
            assert!(matches!(failed.code, Code::PathOutside | Code::NotFound), "{tool} {path}: {}", failed.message);
            assert!(!format!("{failed:?}").contains(SECRET));
        }
    }
    scene.outside("write", with_path("write", "dangling"));
    scene.outside("write", with_path("write", "up/new"));
    scene.outside("write", with_path("write", "up/a/b/new"));
    scene.outside("write", with_path("write", "slash/tmp/ace-never"));
    assert_eq!(std::fs::read_to_string(&scene.secret).unwrap(), SECRET);
    let beside: Vec<_> = std::fs::read_dir(scene.secret.parent().unwrap()).unwrap().collect();
    assert_eq!(beside.len(), 3);
}

#[test]
fn links_that_stay_inside_are_followed_and_stay_links() {
    let scene = Scene::new();
    scene.file("real/AGENTS.md", "rules\n");
    symlink("real", scene.root.join("folder")).unwrap();
    symlink("real/AGENTS.md", scene.root.join("CLAUDE.md")).unwrap();
    symlink(scene.root.join("real/AGENTS.md"), scene.root.join("absolute.md")).unwrap();
    for path in ["CLAUDE.md", "absolute.md", "folder/AGENTS.md", "folder/../real/AGENTS.md"] {
        assert_eq!(scene.told("read", json!({"path": path})), "rules\n", "{path}");
    }
    let done = scene.done("write", json!({"path": "CLAUDE.md", "content": "new\n"}));
    assert_eq!(done.changed[0].path, "real/AGENTS.md");
    assert_eq!(scene.text("real/AGENTS.md"), "new\n");
    scene.done("edit", json!({"path": "absolute.md", "old": "new", "new": "newer"}));
    assert_eq!(scene.text("real/AGENTS.md"), "newer\n");
    scene.done("write", json!({"path": "folder/sub/x", "content": "x"}));
    assert_eq!(scene.text("real/sub/x"), "x");
    assert!(scene.root.join("CLAUDE.md").is_symlink() && scene.root.join("folder").is_symlink());
}

#[test]
fn p29_a_root_that_is_a_link_is_the_folder_behind_it() {
    let scene = Scene::new();
    scene.file("a", "one");
    let link = scene.root.with_file_name("link");
    symlink(&scene.root, &link).unwrap();
    let place = ace_local_tools::Place { root: link.clone(), ..scene.place.clone() };
    let scene = Scene { bench: ace_local_tools::Bench::new(place), ..scene };
    for path in [link.join("a"), scene.root.join("a"), "a".into()] {
        assert_eq!(scene.told("read", json!({"path": path})), "one");
    }
    scene.outside("read", json!({"path": link.join("../secret")}));
    assert_eq!(scene.told("glob", json!({"pattern": "*"})), "a\n");
}

#[test]
fn a07_p30_git_is_never_written() {
    let scene = Scene::new();
    scene.file(".git/config", "[core]\n");
    scene.file("sub/x", "");
    symlink(".git", scene.root.join("innocent")).unwrap();
    symlink(".git/config", scene.root.join("plain")).unwrap();
    for path in [
        ".git",
        ".git/config",
        ".git/hooks/pre-commit",
        ".GIT/config",
        ".gi\u{200c}t/config",
        ".git::$INDEX_ALLOCATION/config",
        ".git./config",
        "sub/.git",
        "sub/.git/config",
        "sub/../.git/config",
        "innocent/config",
        "innocent/hooks/pre-commit",
        "plain",
    ] {
        scene.outside("write", json!({"path": path, "content": "x"}));
    }
    scene.outside("edit", json!({"path": "plain", "old": "core", "new": "x"}));
    assert_eq!(scene.text(".git/config"), "[core]\n");
    assert!(!scene.root.join(".git/hooks").exists() && !scene.root.join("sub/.git").exists());
    assert_eq!(std::fs::read_dir(&scene.root).unwrap().count(), 4);
    // Reading it is no secret to the tools, and what only looks like it may be written.
    assert_eq!(scene.told("read", json!({"path": ".git/config"})), "[core]\n");
    scene.done("write", json!({"path": ".github/x", "content": "x"}));
}

#[test]
fn a04_swap_race_lets_nothing_out_or_in() {
    let scene = Scene::new();
    let outside = scene.secret.with_file_name("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("f"), SECRET).unwrap();
    scene.file("d/f", "public");
    symlink(&outside, scene.root.join("evil")).unwrap();
    scene.file("g", "public");
    symlink(outside.join("f"), scene.root.join("evil_file")).unwrap();
    let (stop, root) = (AtomicBool::new(false), &scene.root);
    let mut read = 0;
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                exchange(&root.join("d"), &root.join("evil"));
                exchange(&root.join("g"), &root.join("evil_file"));
            }
        });
        let end = std::time::Instant::now() + std::time::Duration::from_secs(3);
        let mut round = 0;
        while round < 20_000 && std::time::Instant::now() < end {
            round += 1;
            for path in ["d/f", "g"] {
                if let ace_local_tools::Outcome::Completed(done) = scene.call("read", json!({"path": path})) {
                    assert!(!done.output.text.contains(SECRET));
                    read += 1;
                }
                scene.call("write", json!({"path": path, "content": format!("public {round}")}));
                scene.call("edit", json!({"path": path, "old": "public", "new": "still public"}));
            }
            scene.call("write", json!({"path": "d/new/f", "content": "x"}));
            if round % 50 == 0
                && let ace_local_tools::Outcome::Completed(done) =
                    scene.call("grep", json!({"pattern": "secret", "path": "d"}))
            {
                assert!(!done.output.text.contains(SECRET));
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(read > 10, "the race was never won by the reader: {read}");
    assert_eq!(std::fs::read_to_string(outside.join("f")).unwrap(), SECRET);
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
}

#[cfg(target_os = "linux")]
fn exchange(a: &std::path::Path, b: &std::path::Path) {
    use rustix::fs::{CWD, RenameFlags};
    // A writer may just have renamed something over one of them.
    let _ = rustix::fs::renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE);
}

#[cfg(not(target_os = "linux"))]
fn exchange(a: &std::path::Path, b: &std::path::Path) {
    let aside = a.with_extension("aside");
    for (from, to) in [(a, aside.as_path()), (b, a), (&aside, b)] {
        let _ = std::fs::rename(from, to);
    }
}

#[test]
fn a06_a_renamed_worktree_keeps_its_writes() {
    let scene = Scene::new();
    let away = scene.root.with_file_name("away");
    let (stop, root) = (AtomicBool::new(false), &scene.root);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let _ = std::fs::rename(root, &away);
                let _ = std::fs::rename(&away, root);
            }
        });
        // On a busy machine the one who renames may sleep while it is away, for more calls than these.
        for n in (0..).take_while(|n| *n < 500 || (!root.join("d").exists() && *n < 1_000_000)) {
            scene.call("write", json!({"path": format!("d/{n}"), "content": "x"}));
        }
        stop.store(true, Ordering::Relaxed);
    });
    let home: Vec<String> = std::fs::read_dir(root.parent().unwrap())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(home.len(), 3, "{home:?}");
    assert!(scene.root.join("d").exists());
}
