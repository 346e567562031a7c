//! glob and grep.

use ace_schema::data::Code;
use ace_schema::limits;
use serde_json::json;

use crate::scene::{SECRET, Scene};

fn tree() -> Scene {
    let scene = Scene::new();
    scene.file(".gitignore", "target/\n*.log\n");
    scene.file(".git/config", "needle");
    scene.file("src/a.rs", "fn needle() {}\n");
    scene.file("src/deep/b.rs", "// Needle\nlet x = needle;\n");
    scene.file("src/b.txt", "needle\r\n");
    scene.file("target/out.rs", "needle\n");
    scene.file("x.log", "needle\n");
    scene.file(".hidden.rs", "needle\n");
    scene
}

#[test]
fn files_are_found_by_pattern_in_order() {
    let scene = tree();
    assert_eq!(scene.told("glob", json!({"pattern": "**/*.rs"})), ".hidden.rs\nsrc/a.rs\nsrc/deep/b.rs\n");
    assert_eq!(scene.told("glob", json!({"pattern": "src/*.rs"})), "src/a.rs\n");
    assert_eq!(scene.told("glob", json!({"pattern": "./src/*.{rs,txt}"})), "src/a.rs\nsrc/b.txt\n");
    assert_eq!(scene.told("glob", json!({"pattern": "**/*.rs", "path": "src"})), "src/a.rs\nsrc/deep/b.rs\n");
    assert_eq!(scene.told("glob", json!({"pattern": "*.txt"})), "[no file matches; **/*.txt looks into folders too]\n");
    let whole = format!("{}/src/**/*.rs", scene.root.display());
    assert_eq!(scene.told("glob", json!({"pattern": whole})), "src/a.rs\nsrc/deep/b.rs\n");
    // An ignored folder that is named is meant.
    assert_eq!(scene.told("glob", json!({"pattern": "*", "path": "target"})), "target/out.rs\n");
}

#[test]
fn patterns_that_cannot_be_are_refused() {
    let scene = tree();
    assert_eq!(scene.failed("glob", json!({"pattern": "src/[a"})).code, Code::Arguments);
    scene.outside("glob", json!({"pattern": "../*"}));
    scene.outside("glob", json!({"pattern": "/etc/*"}));
    scene.outside("glob", json!({"pattern": "*", "path": ".."}));
    scene.outside("grep", json!({"pattern": "x", "path": "/etc"}));
    let failed = scene.failed("grep", json!({"pattern": "(a"}));
    assert_eq!(failed.code, Code::Arguments);
    assert!(failed.message.contains("unclosed group"), "{}", failed.message);
    assert_eq!(scene.failed("grep", json!({"pattern": "a", "path": "none"})).code, Code::NotFound);
}

#[test]
fn lines_are_found_in_order() {
    let scene = tree();
    let all = ".hidden.rs:1:needle\nsrc/a.rs:1:fn needle() {}\nsrc/b.txt:1:needle\nsrc/deep/b.rs:2:let x = needle;\n";
    assert_eq!(scene.told("grep", json!({"pattern": "needle"})), all);
    assert_eq!(scene.told("grep", json!({"pattern": "^needle$"})), ".hidden.rs:1:needle\nsrc/b.txt:1:needle\n");
    let told = scene.told("grep", json!({"pattern": "^// NEEDLE", "ignore_case": true}));
    assert_eq!(told, "src/deep/b.rs:1:// Needle\n");
    let told = scene.told("grep", json!({"pattern": "needle", "glob": "*.rs", "path": "src"}));
    assert_eq!(told, "src/a.rs:1:fn needle() {}\nsrc/deep/b.rs:2:let x = needle;\n");
    assert_eq!(
        scene.told("grep", json!({"pattern": "needle", "glob": "deep/**"  , "path": "src"})),
        "src/deep/b.rs:2:let x = needle;\n"
    );
    assert_eq!(scene.told("grep", json!({"pattern": "needle", "path": "src/a.rs"})), "src/a.rs:1:fn needle() {}\n");
    assert_eq!(scene.told("grep", json!({"pattern": "absent"})), "[no line matches]\n");
}

#[test]
fn long_lines_show_what_surrounds_the_match() {
    let scene = Scene::new();
    scene.file("min.js", format!("{}needle{}\n", "é".repeat(5000), "x".repeat(5000)));
    let told = scene.told("grep", json!({"pattern": "needle"}));
    assert!(told.starts_with("min.js:1:…é") && told.contains("éneedlex") && told.ends_with("x…\n"), "{told}");
    assert!(told.len() < limits::MATCH_LINE_BYTES + 40);
    scene.file("end.js", format!("{}needle", "x".repeat(5000)));
    let told = scene.told("grep", json!({"pattern": "needle$", "path": "end.js"}));
    assert!(told.ends_with("xneedle\n"), "{told}");
}

#[test]
fn the_same_lines_are_told_however_many_there_are() {
    let scene = Scene::new();
    for n in 0..300 {
        scene.file(&format!("d{:02}/{n:03}", n % 20), "needle 1\nneedle 2\nneedle 3\n");
    }
    let first = scene.told("grep", json!({"pattern": "needle"}));
    assert!(first.starts_with("d00/000:1:needle 1\nd00/000:2:needle 2\n"), "{first}");
    assert!(first.ends_with("[the first 500 of 900 matching lines in 300 files]\n"), "{first}");
    assert_eq!(first.lines().count(), 501);
    for _ in 0..5 {
        assert_eq!(scene.told("grep", json!({"pattern": "needle"})), first);
    }
    let told = scene.told("glob", json!({"pattern": "**/*"}));
    assert_eq!(told.lines().count(), 300);
}

#[test]
fn binary_files_are_passed_over() {
    let scene = Scene::new();
    scene.file("bin", b"needle\n\0\0");
    scene.file("text", "needle\n");
    assert_eq!(scene.told("grep", json!({"pattern": "needle"})), "text:1:needle\n");
    assert_eq!(
        scene.told("grep", json!({"pattern": "needle", "path": "bin"})),
        "[no line matches]\n[the file is binary]\n"
    );
}

#[test]
fn a03_links_are_not_followed_by_a_search() {
    let scene = Scene::new();
    std::os::unix::fs::symlink(scene.secret.parent().unwrap(), scene.root.join("up")).unwrap();
    std::os::unix::fs::symlink(&scene.secret, scene.root.join("file")).unwrap();
    assert!(!scene.told("grep", json!({"pattern": "secret"})).contains(SECRET));
    scene.outside("grep", json!({"pattern": "secret", "path": "up"}));
    scene.outside("grep", json!({"pattern": "secret", "path": "file"}));
    scene.outside("glob", json!({"pattern": "*", "path": "up"}));
    scene.outside("list", json!({"path": "up"}));
}

#[test]
fn kept_output_can_be_searched_by_its_path() {
    let scene = Scene::new();
    let output = scene.done("shell", json!({"command": "seq 100000"})).output;
    let path = scene.place.tmp.join(output.spill.unwrap());
    assert!(output.text.contains(path.to_str().unwrap()));
    let told = scene.told("grep", json!({"pattern": "^77777$", "path": path}));
    assert_eq!(told, format!("{}:77777:77777\n", path.canonicalize().unwrap().display()));
    assert!(scene.told("read", json!({"path": path, "offset": 50000, "limit": 1})).starts_with("50000\n"));
    scene.outside("write", json!({"path": path, "content": "x"}));
}
