//! read and list.

use std::os::unix::ffi::OsStrExt;

use ace_local_tools::open_spill;
use ace_schema::data::Code;
use serde_json::json;

use crate::scene::Scene;

#[test]
fn a_file_is_told_as_it_is() {
    let scene = Scene::new();
    scene.file("a.txt", "one\r\n  two\nno end");
    assert_eq!(scene.told("read", json!({"path": "a.txt"})), "one\r\n  two\nno end");
    assert_eq!(scene.told("read", json!({"path": scene.root.join("a.txt")})), "one\r\n  two\nno end");
    scene.file("empty", "");
    assert_eq!(scene.told("read", json!({"path": "empty"})), "[the file is empty]\n");
}

#[test]
fn a_range_says_where_it_lies() {
    let scene = Scene::new();
    let text: String = (1..=10).map(|n| format!("line {n}\n")).collect();
    scene.file("a", &text);
    assert_eq!(
        scene.told("read", json!({"path": "a", "offset": 3, "limit": 2})),
        "line 3\nline 4\n[lines 3-4 of 10; go on with offset 5]\n"
    );
    assert_eq!(scene.told("read", json!({"path": "a", "offset": 10})), "line 10\n[lines 10-10 of 10]\n");
    assert_eq!(scene.told("read", json!({"path": "a", "limit": 10})), text);
    let beyond = scene.failed("read", json!({"path": "a", "offset": 11}));
    assert_eq!(beyond.code, Code::Arguments);
    assert!(beyond.message.contains("10 lines"), "{}", beyond.message);
    assert_eq!(scene.failed("read", json!({"path": "a", "offset": 0})).code, Code::Arguments);
}

#[test]
fn a_long_file_comes_in_pages_without_holes() {
    let scene = Scene::new();
    let text: String = (1..=5000).map(|n| format!("this is line {n}, é\n")).collect();
    scene.file("long", &text);
    let (mut offset, mut all, mut pages) = (1, String::new(), 0);
    loop {
        let page = scene.done("read", json!({"path": "long", "offset": offset})).output;
        let (lines, note) = page.text.trim_end().rsplit_once('\n').unwrap();
        all.push_str(lines);
        all.push('\n');
        pages += 1;
        assert!(page.spill.is_none());
        match note.split_once("offset ") {
            Some((_, next)) => offset = next.trim_end_matches(']').parse().unwrap(),
            None => break,
        }
    }
    assert!(pages > 3);
    assert!(all == text);
    // Two thousand short lines are a page too.
    scene.file("short", "x\n".repeat(3000));
    let page = scene.done("read", json!({"path": "short"})).output;
    assert!(page.text.ends_with("x\n[lines 1-2000 of 3000; go on with offset 2001]\n"));
    assert!(page.truncated);
}

#[test]
fn a_line_longer_than_a_page_is_cut_at_a_character() {
    let scene = Scene::new();
    scene.file("min.js", format!("{}\nsecond\n", "é".repeat(100_000)));
    let page = scene.told("read", json!({"path": "min.js"}));
    assert!(page.starts_with("éé") && !page.contains('\u{fffd}'));
    assert!(page.contains("[lines 1-1 of 2; line 1 goes on"), "{}", &page[page.len() - 100..]);
    assert_eq!(scene.told("read", json!({"path": "min.js", "offset": 2})), "second\n[lines 2-2 of 2]\n");
}

#[test]
fn a_binary_file_is_told_apart() {
    let scene = Scene::new();
    scene.file("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    let failed = scene.failed("read", json!({"path": "a.png"}));
    assert_eq!(failed.code, Code::Arguments);
    assert_eq!(failed.message, "binary file: a.png, 16 bytes, PNG image");
    assert!(scene.failed("read", json!({"path": "."})).message.contains("list shows it"));
    assert!(scene.failed("list", json!({"path": "a.png"})).message.contains("read shows files"));
    assert_eq!(scene.failed("read", json!({"path": "none/such"})).code, Code::NotFound);
}

#[test]
fn f16_bytes_that_are_no_utf8_are_kept_as_they_are() {
    let scene = Scene::new();
    scene.file("latin", b"caf\xe9\n");
    let output = scene.done("read", json!({"path": "latin"})).output;
    assert_eq!(output.text, "caf\u{fffd}\n");
    assert!(output.truncated);
    let mut kept = Vec::new();
    std::io::Read::read_to_end(&mut open_spill(&scene.place.tmp, &output.spill.unwrap()).unwrap(), &mut kept).unwrap();
    assert_eq!(kept, b"caf\xe9\n");
}

#[test]
fn a08_fifo_socket_and_device_are_refused_at_once() {
    let scene = Scene::new();
    let fifo = scene.root.join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(scene.root.join("socket")).unwrap();
    for tool in ["read", "write", "edit"] {
        for (name, what) in [("fifo", "a pipe"), ("socket", "a socket")] {
            let mut args = json!({"path": name});
            if tool != "read" {
                args["content"] = json!("x");
            }
            if tool == "edit" {
                args = json!({"path": name, "old": "a", "new": "b"});
            }
            let failed = scene.failed(tool, args);
            assert_eq!(failed.code, Code::Arguments, "{}", failed.message);
            assert!(failed.message.contains(what), "{}", failed.message);
        }
    }
    scene.outside("read", json!({"path": "/dev/zero"}));
    // Grep walks past them.
    scene.file("plain", "needle\n");
    assert_eq!(scene.told("grep", json!({"pattern": "needle"})), "plain:1:needle\n");
    assert_eq!(scene.told("list", json!({})), "fifo  pipe\nplain  7 B\nsocket  socket\n");
}

#[test]
fn a09_a_sparse_file_of_fifty_gigabytes_is_bounded() {
    let scene = Scene::new();
    let path = scene.file("sparse", "head\n".repeat(3000));
    let file = std::fs::File::options().write(true).open(path).unwrap();
    if file.set_len(50 << 30).is_err() {
        println!("SKIPPED a09: no sparse files here");
        return;
    }
    let output = scene.done("read", json!({"path": "sparse"})).output;
    assert!(
        output.truncated && output.text.ends_with("of more than 3001; go on with offset 2001]\n"),
        "{}",
        output.text.len()
    );
    let failed = scene.failed("read", json!({"path": "sparse", "offset": 9_000_000}));
    assert!(failed.message.contains("sed -n"), "{}", failed.message);
    let empty = std::fs::File::create(scene.root.join("zeros")).unwrap();
    empty.set_len(50 << 30).unwrap();
    assert!(
        scene.failed("read", json!({"path": "zeros"})).message.starts_with("binary file: zeros, 53,687,091,200 bytes")
    );
    // A search gives up on it, and tells so.
    assert!(scene.told("grep", json!({"pattern": "nothing"})).contains("[no line matches]"));
}

#[test]
fn a_folder_is_listed_in_order() {
    let scene = Scene::new();
    scene.file("b/x", "");
    scene.file(".hidden", "12345");
    scene.file("a", "1");
    std::os::unix::fs::symlink("b/x", scene.root.join("link")).unwrap();
    assert_eq!(scene.told("list", json!({})), ".hidden  5 B\na  1 B\nb/\nlink -> b/x\n");
    assert_eq!(scene.told("list", json!({"path": "b/"})), "x  0 B\n");
    std::fs::create_dir(scene.root.join("none")).unwrap();
    assert_eq!(scene.told("list", json!({"path": "none"})), "[the folder is empty]\n");
}

#[test]
fn a_large_folder_is_told_in_part() {
    let scene = Scene::new();
    for n in 0..620 {
        scene.file(&format!("d/{n:03}"), "");
    }
    let told = scene.told("list", json!({"path": "d"}));
    assert!(told.starts_with("000  0 B\n001") && told.ends_with("499  0 B\n[120 more; glob finds by pattern]\n"));
}

#[test]
fn a38_names_of_all_kinds_are_listed_on_one_line_each() {
    let scene = Scene::new();
    let long = "n".repeat(255);
    for name in ["-rf", "a\nb", "$(id)", "😀", &long] {
        scene.file(name, "x");
    }
    let invalid = std::ffi::OsStr::from_bytes(b"caf\xe9");
    std::fs::write(scene.root.join(invalid), "x").unwrap();
    let told = scene.told("list", json!({}));
    assert_eq!(told.lines().count(), 6, "{told}");
    for line in ["-rf  1 B", "\"a\\nb\"  1 B", "$(id)  1 B", "😀  1 B", "\"caf\\xe9\"  1 B"] {
        assert!(told.lines().any(|told| told == line), "{line} in {told}");
    }
    // A model reaches them by what JSON can say.
    assert_eq!(scene.told("read", json!({"path": "a\nb"})), "x");
    assert_eq!(scene.told("read", json!({"path": "-rf"})), "x");
    assert_eq!(scene.told("read", json!({"path": long})), "x");
    assert_eq!(scene.failed("read", json!({"path": "n".repeat(256)})).code, Code::Arguments);
}
