//! Ignored files brought along, ports, and what would not be brought.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use ace_worktree::{Carry, Error, Item, Place, begin, bring};

use crate::fixture::*;

fn items(all: &[&str]) -> Vec<Item> {
    all.iter().map(|text| Item::parse(text).unwrap()).collect()
}

fn site() -> (Fixture, Place) {
    let fixture = Fixture::new();
    fixture.write(".gitignore", ".env\nmodules/\n*.o\n");
    fixture.commit("ignored");
    fixture.write(".env", "KEY=1\n");
    fixture.write("web/modules/a/index.js", "a\n");
    fixture.write("web/modules/bin/tool", "#!/bin/sh\n");
    fixture.mode("web/modules/bin/tool", 0o755);
    symlink("../a/index.js", fixture.root().join("web/modules/bin/link")).unwrap();
    let place = fixture.create("x").place;
    (fixture, place)
}

#[test]
fn files_and_folders_come_as_they_are_and_git_does_not_see_them() {
    for way in ["", "copy:", "reflink:"] {
        let (fixture, place) = site();
        let all = [format!("{way}.env"), format!("{way}web/modules"), format!("{way}absent")];
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let brought = bring(&fixture.root(), &place, &items(&all)).unwrap();
        assert_eq!((brought.files, brought.absent.as_slice()), (4, [Path::new("absent").to_owned()].as_slice()));
        assert!(way != "copy:" || brought.shared == 0);
        let at = |name: &str| place.path.join(name);
        assert_eq!(std::fs::read_to_string(at(".env")).unwrap(), "KEY=1\n");
        assert!(at("web/modules/bin/tool").metadata().unwrap().permissions().mode() & 0o100 != 0);
        assert_eq!(std::fs::read_link(at("web/modules/bin/link")).unwrap(), Path::new("../a/index.js"));
        assert_eq!(porcelain(&place.path), "");
        // Each side is its own.
        write(&at(".env"), "KEY=2\n");
        assert_eq!(std::fs::read_to_string(fixture.root().join(".env")).unwrap(), "KEY=1\n");
        // What is there is not replaced.
        assert_eq!(bring(&fixture.root(), &place, &items(&[".env"])).unwrap().files, 0);
        assert_eq!(std::fs::read_to_string(at(".env")).unwrap(), "KEY=2\n");
    }
}

#[test]
fn a_link_leads_to_the_users_own() {
    let (fixture, place) = site();
    write(&fixture.root().join("x.o"), "object\n");
    bring(&fixture.root(), &place, &items(&["link:x.o"])).unwrap();
    assert_eq!(std::fs::read_link(place.path.join("x.o")).unwrap(), fixture.root().join("x.o"));
    assert_eq!(porcelain(&place.path), "");
}

#[test]
fn p23_what_is_not_ignored_is_never_brought() {
    let (fixture, place) = site();
    fixture.write("secret.txt", "s\n");
    let refused = bring(&fixture.root(), &place, &items(&["secret.txt"]));
    assert!(matches!(&refused, Err(Error::Beyond { what }) if what.contains("not ignored")), "{refused:?}");
    assert!(!place.path.join("secret.txt").exists());
}

#[test]
fn p33_no_link_is_followed_on_the_way() {
    let (fixture, place) = site();
    let outside = fixture.home.path().join("outside");
    write(&outside.join("modules/key"), "secret\n");
    symlink(&outside, fixture.root().join("linked")).unwrap();
    let brought = bring(&fixture.root(), &place, &items(&["linked/modules"])).unwrap();
    assert_eq!(brought.files, 0);
    assert!(!place.path.join("linked").exists());
    // Nor in the worktree.
    symlink(&outside, place.path.join("web2")).unwrap();
    fixture.write("web2/modules/x", "x\n");
    assert!(matches!(bring(&fixture.root(), &place, &items(&["web2/modules"])), Err(Error::Occupied { .. }) | Ok(_)));
    assert!(!outside.join("modules/x").exists());
}

#[test]
fn ports_are_apart_as_long_as_worktrees_live() {
    let fixture = Fixture::new();
    let make = |name: &str| begin(&fixture.open(), name, &fixture.place(name), None, Carry::Leave).unwrap();
    let (a, b) = (make("a"), make("b"));
    let first = a.reserve_ports(3, |_| true).unwrap();
    let second = b.reserve_ports(3, |_| true).unwrap();
    assert!(first.len() == 3 && second.iter().all(|port| !first.contains(port)), "{first:?} {second:?}");
    let busy = second[2] + 1;
    let third = make("c").reserve_ports(1, |port| port != busy).unwrap();
    assert!(third[0] != busy && !first.contains(&third[0]) && !second.contains(&third[0]));
    drop(a);
    assert_eq!(make("d").reserve_ports(3, |_| true).unwrap(), first, "they are free again");
    drop(b);
}
