//! Which sessions there are, what a word means, and how one begins.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use ace_schema::draft::blob_lines;
use ace_schema::{Drafter, Kind, id, ty};
use ace_storage::{Clock, CreateError, FindError, Home, hex, sha256};
use serde_json::json;

use crate::session::{Place, TIME, created, drafter, message, nib};

fn home() -> (tempfile::TempDir, Home) {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::at(dir.path().join("deep/ace"));
    (dir, home)
}

fn session(home: &Home, time: u64, random: u64, name: &str) -> Drafter {
    let mut drafter = Drafter::new("test", random);
    drafter.set_session(&id::session(time, random));
    let first = [created(&mut drafter, name), message(&mut drafter, "go")].concat();
    home.create(drafter.session(), Kind::Person, &first, &Clock::fixed(TIME, 1)).unwrap();
    drafter
}

#[test]
fn sessions_are_listed_newest_first_and_nothing_else_is() {
    let (_dir, home) = home();
    assert!(home.sessions().unwrap().is_empty());
    let ids: Vec<_> = [3, 1, 2].map(|n| session(&home, n, n, "x").session().to_owned()).to_vec();
    fs::create_dir(home.session(".new-x")).unwrap();
    fs::create_dir(home.session("notes")).unwrap();
    let listed: Vec<_> = home.sessions().unwrap().into_iter().map(|s| s.id).collect();
    assert_eq!(listed, [&*ids[0], &ids[2], &ids[1]]);
}

#[test]
fn a_word_names_a_session_in_every_way_it_may() {
    let (_dir, home) = home();
    let (one, two) = (session(&home, 1, 0x111_1111, "fix the median"), session(&home, 2, 0x222_2222, "add a test"));
    let found = |word: &str| home.find(word).unwrap();
    for word in [one.session(), "fix the median", &one.session()[12..]] {
        let found = found(word);
        assert_eq!((found.id.as_str(), &found.path, found.seq), (one.session(), &home.session(one.session()), None));
    }
    assert_eq!((found("@last").id.as_str(), found("@last@7").seq), (two.session(), Some(7)));
    assert_eq!((found("add a test@23").id.as_str(), found("add a test@23").seq), (two.session(), Some(23)));
    let folder = home.session(two.session());
    let folder = folder.to_str().unwrap();
    assert_eq!(found(folder).id, two.session());
    assert_eq!(found(&format!("{folder}/log.jsonl@4")).seq, Some(4));
    assert_eq!(found(&format!("{folder}/log.jsonl")).path.to_str(), Some(folder));
    let mut log = found("add a test").log().append(Clock::System).unwrap();
    let mut drafter = two;
    log.append(nib(Kind::Person), &drafter.draft(0, "", ty::SESSION_NAMED, &json!({"name": "new name"})).1).unwrap();
    assert_eq!(found("new name").id, drafter.session());
    let names: Vec<_> = home.sessions().unwrap().iter().map(|s| s.name().unwrap()).collect();
    assert_eq!(names, ["new name", "fix the median"]);
}

#[test]
fn a_word_that_names_none_or_several_says_so() {
    let (_dir, home) = home();
    assert!(matches!(home.find("@last"), Err(FindError::NoSession { .. })));
    let ids: Vec<_> = (1..=2).map(|n| session(&home, n, 0x111_1111, "same").session().to_owned()).collect();
    match home.find("same") {
        Err(FindError::Ambiguous { ids: several, .. }) => assert_eq!(several, [&*ids[1], &ids[0]]),
        other => panic!("{other:?}"),
    }
    assert!(matches!(home.find(&ids[0][12..]), Err(FindError::Ambiguous { .. })));
    match home.find("sane") {
        Err(FindError::NoSession { nearest, .. }) => assert_eq!(nearest, ["same"]),
        other => panic!("{other:?}"),
    }
    for word in ["", "@", "@5", "..", ".", "/", "../..", "no/such/log.jsonl", "x@99999999999999999999999", "\0"] {
        assert!(matches!(home.find(word), Err(FindError::NoSession { .. })), "{word:?}: {:?}", home.find(word));
    }
}

#[test]
fn a_name_is_for_one_session_from_the_moment_it_is_chosen() {
    let (_dir, home) = home();
    let name = |wanted: &str| home.hold_name(wanted).unwrap().name().to_owned();
    assert_eq!(name("fix"), "fix");
    for (n, taken) in [(1, "fix"), (2, "fix-2"), (3, "fix-4"), (4, &*"x".repeat(200))] {
        session(&home, n, n, taken);
    }
    assert_eq!(name("fix"), "fix-3");
    assert_eq!(name("fix-2"), "fix-2-2");
    assert_eq!(name("fi"), "fi");
    assert_eq!(name(&"x".repeat(200)), format!("{}-2", "x".repeat(200)), "a long first line");
    let first = home.hold_name("new").unwrap();
    assert_eq!((first.name(), name("new").as_str()), ("new", "new-2"));
    drop(first);
    assert_eq!(name("new"), "new", "who is gone holds nothing");
    let left: Vec<_> = fs::read_dir(home.path().join("names")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, [".known"], "what was read before");
}

#[test]
fn names_that_were_read_before_are_a_help_and_no_truth() {
    let (_dir, home) = home();
    let name = |wanted: &str| home.hold_name(wanted).unwrap().name().to_owned();
    session(&home, 1, 1, "fix");
    assert_eq!(name("fix"), "fix-2");
    let known = home.path().join("names/.known");
    let text = fs::read_to_string(&known).unwrap();
    // Torn by a crash; of a session that is gone; lost.
    for (what, damaged) in [
        ("torn", text[..text.len() - 3].to_owned()),
        ("of one that is gone", format!("{text}\n{} other .\n", ace_schema::id::session(9, 9))),
        ("no text", "\u{0}\u{0}fix .\n".to_owned()),
    ] {
        fs::write(&known, damaged).unwrap();
        assert_eq!((name("fix").as_str(), name("other").as_str()), ("fix-2", "other"), "{what}");
        session(&home, 2, 2, "more");
        assert_eq!(name("more"), "more-2", "{what}: what came later is read");
        fs::remove_dir_all(
            home.session(&home.sessions().unwrap().iter().find(|s| s.first_name().unwrap() == "more").unwrap().id),
        )
        .unwrap();
    }
    fs::remove_file(&known).unwrap();
    assert_eq!(name("fix"), "fix-2");
}

#[test]
fn many_who_want_one_name_get_as_many_names() {
    let (_dir, home) = home();
    let all: Vec<_> = std::thread::scope(|scope| {
        let each = |_| scope.spawn(|| home.hold_name("same").unwrap());
        let threads: Vec<_> = (0..8).map(each).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let mut names: Vec<&str> = all.iter().map(|held| held.name()).collect();
    names.sort_unstable();
    assert_eq!(names, ["same", "same-2", "same-3", "same-4", "same-5", "same-6", "same-7", "same-8"]);
}

#[test]
fn a_session_is_created_as_a_whole_and_closed_to_others() {
    let place = Place::new(60);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place.path), 0o700);
    assert_eq!(mode(&place.home.session("")), 0o700);
    for file in ["log.jsonl", "bell"] {
        assert_eq!(mode(&place.path.join(file)), 0o600, "{file}");
    }
    assert_eq!(place.published(), place.bytes().len() as u64);
    assert_eq!(place.assert_good().last_seq, 2);
    let names: Vec<_> = fs::read_dir(place.home.session("")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, [place.drafter.session()]);
}

#[test]
fn a_first_batch_may_bring_blobs() {
    let (_dir, home) = home();
    let mut drafter = drafter(61);
    let bytes = vec![b'p'; 90_000];
    let sha = hex(&sha256(&bytes));
    let encode = |b: &[u8]| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, b);
    let mut first = created(&mut drafter, "long prompt");
    first.extend(blob_lines(&sha, &bytes, encode).concat());
    let data = json!({"blob": {"sha": sha, "bytes": bytes.len()}});
    first.extend(drafter.draft(0, "", ty::USER_MESSAGE, &data).1);
    let path = home.create(drafter.session(), Kind::Person, &first, &Clock::System).unwrap();
    let report = ace_storage::Log::at(path).verify().unwrap();
    assert_eq!((report.damage, report.lines, report.blobs), (None, 2, 1));
    assert_eq!(fs::metadata(home.blobs().path(&sha).unwrap()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_session_that_cannot_begin_leaves_nothing() {
    let (_dir, home) = home();
    let mut drafter = drafter(62);
    let id = drafter.session().to_owned();
    let (head, said) = (created(&mut drafter, "x"), message(&mut drafter, "go"));
    let bad: [&[u8]; 4] = [b"", &said, &[&head[..], b"garbage\n"].concat(), &[&head[..], &head].concat()];
    for batch in bad {
        let done = home.create(&id, Kind::Person, batch, &Clock::System);
        assert!(matches!(done, Err(CreateError::Refused(_))), "{done:?}");
    }
    assert!(matches!(home.create(&id, Kind::Model, &head, &Clock::System), Err(CreateError::Refused(_))));
    assert!(matches!(home.create("../x", Kind::Person, &head, &Clock::System), Err(CreateError::Taken(_))));
    assert_eq!(fs::read_dir(home.session("")).unwrap().count(), 0);
    home.create(&id, Kind::Person, &head, &Clock::System).unwrap();
    assert!(matches!(home.create(&id, Kind::Person, &head, &Clock::System), Err(CreateError::Taken(_))));
    assert_eq!(fs::read_dir(home.session("")).unwrap().count(), 1);
}
