//! The power fails while a writer is at work: on a file system that is shut down beneath it, and on copies of its disk taken at
//! one point in time.
//!
//! What counts as acknowledged is what stood in the writer's list before the cut was ordered. A line that is synced in the very
//! moment of the cut may be told and lost, since the order races with the sync inside the kernel: that is the cut's doing.

use super::disks::{BTRFS, Disk, EXT4, Kind, XFS, make, run};
use super::{grouped, number, skip};
use crate::suite::eventually;
use ace_schema::data::{SessionCreated, UserMessage};
use ace_schema::{Drafter, Kind as Pen, Line, id, ty};
use ace_storage::{Appender, Clock, Home, Nib, split};
use std::collections::{BTreeMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const PEN: Nib = Nib { number: 9, kind: Pen::Chain };
/// Batches of one session before the writer begins the next.
const BATCHES: usize = 60;

fn drafter(session: &str, random: u64) -> Drafter {
    let mut drafter = Drafter::new("helper", random);
    drafter.set_session(session);
    drafter
}

/// The writer, a process of its own: sessions, lines and blobs without end, each told in the list once it is on the disk. It ends
/// when its disk does.
#[test]
fn helper_writes_until_its_disk_is_gone() {
    let Some(home) = std::env::var_os("ACE_TEST_HOME") else { return };
    let home = Home::at(home);
    let mut told = OpenOptions::new().append(true).create(true).open(std::env::var("ACE_TEST_ACKS").unwrap()).unwrap();
    let seed: u64 = std::env::var("ACE_TEST_SEED").unwrap().parse().unwrap();
    for n in 0.. {
        if write_one_session(&home, &mut told, seed * 1_000_000 + n).is_none() {
            return;
        }
    }
}

fn write_one_session(home: &Home, told: &mut File, random: u64) -> Option<()> {
    let session = id::session(1_795_156_860_000 + random, random);
    let mut drafter = drafter(&session, random);
    let created =
        SessionCreated { name: "cut".into(), cwd: "/".into(), model: "none/none".into(), ..Default::default() };
    let first = drafter.draft(0, "", ty::SESSION_CREATED, &created).1;
    home.create(&session, Pen::Person, &first, &Clock::System).ok()?;
    tell(told, &[("session", &session, "")]);
    let mut appender = home.log(&session).append(Clock::System).ok()?;
    for n in 0..BATCHES {
        let mut batch = Vec::new();
        let mut ids = Vec::new();
        let blob = match n % 7 {
            3 => Some(home.blobs().put(format!("{random} {n} ").repeat(900).as_bytes(), "text/plain").ok()?),
            _ => None,
        };
        for _ in 0..=n % 3 {
            let message = UserMessage { text: "x".repeat(n * 37 % 900), ..Default::default() };
            let (id, line) = drafter.draft(0, "", ty::USER_MESSAGE, &message);
            batch.extend(line);
            ids.push(id);
        }
        if let Some(blob) = &blob {
            batch.extend(drafter.draft(0, "", "helper.kept", &serde_json::json!({"file": blob})).1);
        }
        appender.append(PEN, &batch).ok()?;
        let mut words: Vec<(&str, &str, &str)> = ids.iter().map(|id| ("line", session.as_str(), id.as_str())).collect();
        words.extend(blob.as_ref().map(|b| ("blob", b.sha.as_str(), "")));
        tell(told, &words);
    }
    Some(())
}

/// One write for all, so that the list never holds half a word.
fn tell(told: &mut File, words: &[(&str, &str, &str)]) {
    let text: String = words.iter().map(|(what, name, id)| format!("{what} {name} {id}\n")).collect();
    told.write_all(text.as_bytes()).unwrap();
}

/// What was acknowledged.
#[derive(Default)]
struct Told {
    lines: Vec<(String, String)>,
    sessions: Vec<String>,
    blobs: Vec<String>,
}

fn told(list: &Path) -> Told {
    let mut all = Told::default();
    let text = std::fs::read_to_string(list).unwrap_or_default();
    for line in text.split_inclusive('\n').filter(|l| l.ends_with('\n')) {
        let words: Vec<&str> = line.trim_end().split(' ').collect();
        match words[0] {
            "line" => all.lines.push((words[1].to_owned(), words[2].to_owned())),
            "session" => all.sessions.push(words[1].to_owned()),
            _ => all.blobs.push(words[1].to_owned()),
        }
    }
    all
}

fn writer(home: &Path, list: &Path, seed: usize, through: &[String]) -> Child {
    let exe = std::env::current_exe().unwrap().display().to_string();
    let test = ["durable::power::helper_writes_until_its_disk_is_gone", "--exact", "--test-threads=1"];
    let all: Vec<&str> = through.iter().map(String::as_str).chain([exe.as_str()]).chain(test).collect();
    Command::new(all[0])
        .args(&all[1..])
        .env("ACE_TEST_HOME", home)
        .env("ACE_TEST_ACKS", list)
        .env("ACE_TEST_SEED", seed.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// What a battery found.
#[derive(Default)]
struct Found {
    lines: usize,
    sessions: usize,
    blobs: usize,
    lost: Vec<String>,
    torn: usize,
    /// Bells that told another length than the log has.
    stale: usize,
}

impl Found {
    /// Looks at a home after the cut: what was told is there, what is there is whole, and it takes more.
    fn look(&mut self, home: &Home, told: &Told, seed: u64) {
        let there: Vec<String> = home.sessions().unwrap().into_iter().map(|s| s.id).collect();
        let mut ids: BTreeMap<&str, HashSet<String>> = BTreeMap::new();
        for session in &there {
            let file = home.log(session).file().to_owned();
            let bytes = std::fs::read(&file).unwrap();
            let bell = std::fs::read(home.session(session).join("bell")).unwrap_or_default();
            let committed = bell.get(16..24).map(|b| u64::from_le_bytes(b.try_into().unwrap())).unwrap_or(0);
            self.stale += usize::from(committed != bytes.len() as u64);
            self.torn += usize::from(bytes.last() != Some(&b'\n'));
            if let Err(why) = self.go_on(home, session, seed) {
                self.lost.push(why);
                continue;
            }
            let now = std::fs::read(&file).unwrap();
            let kept = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
            assert!(now.starts_with(&bytes[..kept]), "{session}: a whole line was changed by the next writer");
            let all = split(&now).map(|l| Line::parse(l).unwrap().id.into_owned()).collect();
            ids.insert(session, all);
        }
        for session in &told.sessions {
            self.sessions += 1;
            if !ids.contains_key(session.as_str()) {
                self.lost.push(format!("session {session}"));
            }
        }
        for (session, id) in &told.lines {
            self.lines += 1;
            if !ids.get(session.as_str()).is_some_and(|all| all.contains(id)) {
                self.lost.push(format!("line {id} of {session}"));
            }
        }
        for sha in &told.blobs {
            self.blobs += 1;
            if let Err(e) = home.blobs().check(sha) {
                self.lost.push(format!("blob {sha}: {e}"));
            }
        }
    }

    /// The next writer: it cuts a torn line aside and goes on, and the whole is whole. A follower that trusts the bell too much
    /// would hand on what is not there.
    fn go_on(&self, home: &Home, session: &str, seed: u64) -> Result<(), String> {
        let log = home.log(session);
        let mut follower = log.follow(0).unwrap();
        let mut seen = Vec::new();
        loop {
            let more = follower.read().unwrap();
            if more.is_empty() {
                break;
            }
            seen.extend_from_slice(more);
        }
        let mut appender: Appender = log.append(Clock::System).map_err(|e| format!("{session}: {e}"))?;
        let message = UserMessage { text: "after it".into(), ..Default::default() };
        let draft = drafter(session, u64::MAX - seed).draft(0, "", ty::USER_MESSAGE, &message).1;
        let done = appender.append(PEN, &draft).map_err(|e| format!("{session}: {e}"))?;
        assert!(done.refused.is_empty(), "{:?}", done.refused);
        let report = log.verify().unwrap();
        assert_eq!(report.damage, None, "{session}");
        assert!(std::fs::read(log.file()).unwrap().starts_with(&seen), "{session}: a reader saw what is not there");
        Ok(())
    }

    fn say(&self, what: &str) {
        println!(
            "{what}, {} of {} acknowledged lines lost (and of {} sessions, {} blobs), {} tails torn, {} bells stale",
            self.lost.iter().filter(|l| l.starts_with("line ")).count(),
            grouped(self.lines),
            grouped(self.sessions),
            grouped(self.blobs),
            self.torn,
            self.stale
        );
        assert!(self.lines > 0 && self.sessions > 0, "nothing was acknowledged: the battery is blind");
    }
}

/// Cuts the power again and again, each time after some more acknowledgements of a writer that is started `through` a program.
fn power_cuts(disk: &mut Disk, cuts: usize, through: &[String]) -> Found {
    let lists = tempfile::tempdir().unwrap();
    let mut found = Found::default();
    for cut in 1..=cuts {
        let home = Home::at(disk.at().join(format!("home-{}", cut / 10)));
        let list = lists.path().join(cut.to_string());
        let mut writer = writer(home.path(), &list, cut, through);
        let enough = 1 + cut * 13 % 60;
        eventually("acknowledgements", || told(&list).lines.len() >= enough);
        let told = told(&list);
        disk.cut();
        // It finds its disk gone by itself; whoever waits for it must not wait for long.
        let _ = writer.kill();
        writer.wait().unwrap();
        disk.restart();
        found.look(&home, &told, cut as u64);
        // Each is looked at once, while it is new.
        let _ = std::fs::remove_dir_all(home.path().join("sessions"));
        if cut % 10 == 9 {
            let _ = std::fs::remove_dir_all(home.path());
        }
    }
    found
}

fn battery(kind: Kind) {
    let mut disk = match Disk::new(kind) {
        Ok(disk) => disk,
        Err(lack) => return skip(&format!("power cuts on {}", kind.name), &lack),
    };
    let cuts = number("ACE_POWER_CUTS", 20, 200).div_ceil(2);
    let found = power_cuts(&mut disk, cuts, &[]);
    found.say(&format!("power cuts: {cuts} on {}", kind.name));
    assert!(found.lost.is_empty(), "{:?}", found.lost);
}

#[test]
fn i1_no_power_cut_on_ext4_loses_what_was_acknowledged() {
    battery(EXT4);
}

#[test]
fn i1_no_power_cut_on_xfs_loses_what_was_acknowledged() {
    battery(XFS);
}

/// The battery is not blind: of a writer whose syncs are a lie it finds lines lost.
#[test]
fn i1_a_writer_that_only_pretends_to_sync_is_found_out() {
    let name = "power cuts of a writer that does not sync";
    let disk = Disk::new(EXT4).and_then(|disk| Ok((disk, super::faults::strace()?)));
    let (mut disk, strace) = match disk {
        Ok(both) => both,
        Err(lack) => return skip(name, &lack),
    };
    let calls = "fdatasync,fsync";
    let through = [
        &strace,
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        &format!("trace={calls}"),
        "-e",
        &format!("inject={calls}:retval=0"),
    ];
    let found = power_cuts(&mut disk, 3, &through.map(str::to_owned));
    found.say("power cuts of a writer that does not sync: 3");
    assert!(!found.lost.is_empty(), "nothing was lost: the cuts cut nothing");
}

/// A disk in a file on btrfs, copied in one instant while its writer goes on; the copy is what a power cut would have left.
#[test]
fn i1_no_snapshot_of_the_disk_lacks_what_was_acknowledged() {
    let name = "block snapshots";
    let outer = match Disk::new(BTRFS) {
        Ok(disk) => disk,
        Err(lack) => return skip(name, &lack),
    };
    let (image, copy) = (outer.at().join("disk.img"), outer.at().join("copy.img"));
    let inner = make(EXT4, &image).and_then(|()| Disk::of(image, EXT4));
    let inner = match inner {
        Ok(disk) => disk,
        Err(lack) => return skip(name, &lack),
    };
    let lists = tempfile::tempdir().unwrap();
    let snapshots = number("ACE_SNAPSHOTS", 10, 100);
    let mut found = Found::default();
    let mut child: Option<(Child, std::path::PathBuf, std::path::PathBuf)> = None;
    for n in 0..snapshots {
        if n % 10 == 0 {
            if let Some((mut old, _, home)) = child.take() {
                let _ = old.kill();
                old.wait().unwrap();
                let _ = std::fs::remove_dir_all(home);
            }
            let (home, list) = (inner.at().join(format!("home-{n}")), lists.path().join(n.to_string()));
            child = Some((writer(&home, &list, n + 1, &[]), list, home));
        }
        let Some((_, list, home)) = &child else { unreachable!("begun above") };
        let before = told(list).lines.len();
        eventually("acknowledgements", || told(list).lines.len() > before + n * 7 % 20);
        let told = told(list);
        let _ = std::fs::remove_file(&copy);
        run(Command::new("cp").arg("--reflink=always").args([inner.image(), &copy])).unwrap();
        let disk = Disk::of(copy.clone(), EXT4).unwrap();
        found.look(&Home::at(disk.at().join(home.file_name().unwrap())), &told, n as u64);
        drop(disk);
    }
    if let Some((mut old, ..)) = child.take() {
        let _ = old.kill();
        old.wait().unwrap();
    }
    found.say(&format!("block snapshots: {snapshots} of ext4 on btrfs"));
    assert!(found.lost.is_empty(), "{:?}", found.lost);
}
