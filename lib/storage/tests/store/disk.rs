//! A disk that is full, out of inodes, or turned read-only: on a small one of our own, where we may mount one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ace_schema::draft::blob_lines;
use ace_schema::{Drafter, Kind, id};
use ace_storage::{AppendError, Clock, CreateError, Home, hex, sha256};

use crate::session::{TIME, assert_chain, created, message, nib};

struct Small {
    _dir: tempfile::TempDir,
    at: PathBuf,
}

impl Small {
    fn mount(options: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().to_owned();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "ace-test"])
            .arg(&at)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|s| s.success());
        if !mounted {
            println!("SKIPPED: may not mount a small file system here");
        }
        mounted.then_some(Self { _dir: dir, at })
    }

    fn session(&self, random: u64) -> Result<(Home, Drafter), CreateError> {
        let home = Home::at(&self.at);
        let mut drafter = Drafter::new("test", random);
        drafter.set_session(&id::session(TIME as u64, random));
        let first = created(&mut drafter, "small");
        home.create(drafter.session(), Kind::Person, &first, &Clock::System)?;
        Ok((home, drafter))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

fn fill(at: &Path) -> PathBuf {
    let path = at.join("filler");
    let mut file = fs::File::create(&path).unwrap();
    while std::io::Write::write_all(&mut file, &[0; 4096]).is_ok() {}
    path
}

#[test]
fn f05_a_full_disk_refuses_keeps_what_was_taken_and_goes_on_when_there_is_room() {
    let Some(small) = Small::mount("size=512k") else { return };
    let (home, mut drafter) = small.session(70).unwrap();
    let log = home.log(drafter.session());
    let mut appender = log.append(Clock::System).unwrap();
    for round in 0..3 {
        let filler = fill(&small.at);
        let mut acknowledged = appender.last_seq();
        let mut refused = 0;
        for n in 0..400 {
            let batch: Vec<u8> = (0..n % 4 + 1).flat_map(|_| message(&mut drafter, &"x".repeat(3000))).collect();
            match appender.append(nib(Kind::Person), &batch) {
                Ok(done) => acknowledged = done.last_seq,
                Err(AppendError::Full { kept }) => {
                    assert_eq!(kept, acknowledged);
                    refused += 1;
                }
                Err(e) => panic!("{e}"),
            }
            if refused > 20 {
                break;
            }
        }
        assert!(refused > 20, "round {round}: the disk was never full");
        let bytes = fs::read(log.file()).unwrap();
        assert_eq!(assert_chain(&bytes).len() as u64, acknowledged, "exactly what was acknowledged is there");
        let mut follower = log.follow(acknowledged).unwrap();
        assert!(!follower.read().unwrap().is_empty(), "reading needs no room");
        let blob = vec![round; 100_000];
        let sha = hex(&sha256(&blob));
        let encode = |b: &[u8]| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, b);
        let parts = blob_lines(&sha, &blob, encode).concat();
        let full = appender.append(nib(Kind::Tool), &parts);
        assert!(matches!(full, Err(AppendError::Full { .. })), "{full:?}");
        assert!(matches!(small.session(71), Err(CreateError::Full)));
        assert!(matches!(home.blobs().put(&blob, ""), Err(ace_storage::BlobError::Io(_))));
        assert!(matches!(appender.open_pen(Kind::Tool), Err(AppendError::Full { .. })) || round > 0);
        fs::remove_file(filler).unwrap();
        let done = appender.append(nib(Kind::Tool), &parts).unwrap();
        assert_eq!((done.blobs, done.refused.len()), (1, 0), "{:?}", done.refused);
        assert_eq!(home.blobs().get(&sha).unwrap(), blob);
        assert_eq!(
            appender.append(nib(Kind::Person), &message(&mut drafter, "room")).unwrap().last_seq,
            acknowledged + 1
        );
        assert_eq!(log.verify().unwrap().damage, None);
        fs::remove_file(home.blobs().path(&sha).unwrap()).unwrap();
    }
    assert_eq!(home.sessions().unwrap().len(), 1);
}

#[test]
fn f22_no_inode_left_refuses_and_leaves_nothing() {
    let Some(small) = Small::mount("size=1m,nr_inodes=12") else { return };
    let (home, mut drafter) = small.session(72).unwrap();
    let mut appender = home.log(drafter.session()).append(Clock::System).unwrap();
    let mut fillers = 0;
    while fs::write(small.at.join(format!("f{fillers}")), "").is_ok() {
        fillers += 1;
    }
    assert!(matches!(small.session(73), Err(CreateError::Full)));
    assert!(matches!(appender.open_pen(Kind::Tool), Err(AppendError::Full { .. })));
    assert!(appender.append(nib(Kind::Person), &message(&mut drafter, "no new file needed")).is_ok());
    fs::remove_file(small.at.join("f0")).unwrap();
    fs::remove_file(small.at.join("f1")).unwrap();
    assert!(appender.open_pen(Kind::Tool).is_ok());
    assert_eq!(home.sessions().unwrap().len(), 1);
}

#[test]
fn f22_a_read_only_disk_can_be_read() {
    let Some(small) = Small::mount("size=1m") else { return };
    let (home, drafter) = small.session(74).unwrap();
    let log = home.log(drafter.session());
    for bell in [true, false] {
        if !bell {
            fs::remove_file(home.session(drafter.session()).join("bell")).unwrap();
        }
        let remount = |how: &str| {
            let done = Command::new("mount").args(["-o", how]).arg(&small.at).status().unwrap();
            assert!(done.success());
        };
        remount("remount,ro");
        let mut follower = log.follow(0).unwrap();
        assert_eq!(follower.read().unwrap(), fs::read(log.file()).unwrap());
        assert!(!follower.wait(std::time::Duration::from_millis(20)).unwrap());
        assert!(matches!(log.append(Clock::System), Err(AppendError::Io(_))));
        assert_eq!(log.verify().unwrap().damage, None);
        drop(follower);
        remount("remount,rw");
    }
}
