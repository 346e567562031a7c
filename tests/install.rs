//! What `make install` and `make dist` put where. No release is built for it.

use crate::generated::{manual, root};
use crate::pages::there;
use crate::suite::{folders, programs};
use std::path::Path;
use std::process::{Command, Stdio};

/// What `make` does with a tree of small files in place of programs.
fn make(target: &str, more: &[String]) -> std::process::Output {
    let out = Command::new("make")
        .args(["-s", target, "CARGO=true", "STRIP=true", "PROFILE=dev"])
        .args(more)
        .current_dir(root("."))
        .env_remove("MAKEFLAGS")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    out
}

fn files(folder: &Path) -> Vec<String> {
    let (mut all, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                all.push(path.strip_prefix(folder).unwrap().display().to_string());
            }
        }
    }
    all.sort();
    all
}

/// What an install must bring, below the prefix.
fn expected() -> Vec<String> {
    let mut all = Vec::new();
    for row in manual::programs() {
        all.push(format!("bin/{}", row.name));
        all.push(format!("share/bash-completion/completions/{}", row.name));
        all.push(format!("share/zsh/site-functions/_{}", row.name));
        all.push(format!("share/fish/vendor_completions.d/{}.fish", row.name));
    }
    for page in folders(&root("man")) {
        all.push(format!("share/man/man{}/{page}", page.rsplit_once('.').unwrap().1));
    }
    all.sort();
    all
}

#[test]
fn install_brings_programs_pages_and_completions() {
    let to = tempfile::tempdir().unwrap();
    let build = programs().parent().unwrap().display().to_string();
    make("install", &[format!("BUILD={build}"), format!("DESTDIR={}", to.path().display()), "PREFIX=/usr".to_owned()]);
    assert_eq!(files(&to.path().join("usr")), expected());
    let out = Command::new(to.path().join("usr/bin/ace")).arg("--version").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&out.stdout), format!("ace {}\n", ace_cli::VERSION));
}

#[test]
fn dist_makes_a_tarball_and_a_package() {
    let build = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(build.path().join("debug")).unwrap();
    for row in manual::programs() {
        std::fs::write(build.path().join("debug").join(row.name), "#!/bin/sh\n").unwrap();
    }
    make("dist-files", &[format!("BUILD={}", build.path().display())]);
    let dist = build.path().join("dist");
    let name = folders(&dist).into_iter().find(|n| dist.join(n).join("bin").is_dir()).unwrap();
    assert!(name.starts_with(&format!("ace-{}-", ace_cli::VERSION)), "{name}");
    let out = Command::new("tar").args(["-tzf", &format!("{name}.tar.gz")]).current_dir(&dist).output().unwrap();
    let mut packed: Vec<String> = String::from_utf8_lossy(&out.stdout)
        .lines()
        .filter(|l| !l.ends_with('/'))
        .map(|l| l.strip_prefix(&format!("{name}/")).unwrap().to_owned())
        .collect();
    packed.sort();
    let mut wanted = expected();
    wanted.extend(["README.md", "CHANGELOG.md", "LICENSE"].map(str::to_owned));
    wanted.sort();
    assert_eq!(packed, wanted);
    if there("dpkg-deb", "the .deb") {
        let deb = dist.join(format!("{name}.deb"));
        let out = Command::new("dpkg-deb").arg("-c").arg(&deb).output().unwrap();
        let list = String::from_utf8_lossy(&out.stdout).into_owned();
        for file in expected() {
            assert!(list.contains(&format!("./usr/{file}\n")), "{file} is not in\n{list}");
        }
    }
}
