//! Disks without room: the run stops before the next effect, loses nothing that was acknowledged, and goes on when there is room.

use super::*;
use crate::suite::Run;
use std::fs;

/// Why a step may be missing: nobody knows whether it ran, or no place could be made for it to run in.
const EXCUSES: [&str; 2] = ["interrupted", "sandbox"];

/// A small file system over the world's home; `None`, said aloud, where none can be had.
struct Small(PathBuf);

impl Small {
    fn at(path: &Path, options: &str) -> Option<Self> {
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(path).output();
        if mounted.is_ok_and(|o| o.status.success()) {
            return Some(Self(path.to_owned()));
        }
        println!("SKIPPED: a small disk needs the right to mount one");
        None
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l"]).arg(&self.0).status();
    }
}

/// Runs until the disk is full at `left` bytes beyond what a new session takes, then makes room and goes on.
fn fill_and_go_on(world: &World, id: &str, fill: impl FnOnce() -> Box<dyn FnOnce()>) -> Run {
    let empty = fill();
    let full = world.run("ace-session", &["run", id]);
    let kept = fs::read(world.log_file(id)).unwrap();
    assert!(!full.stderr.contains("panicked"), "{full:?}");
    empty();
    let run = world.run("ace-session", &["run", id]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "all is done\n"), "{run:?} after {full:?}");
    let now = fs::read(world.log_file(id)).unwrap();
    let whole = kept.iter().rposition(|&b| b == b'\n').unwrap() + 1;
    assert!(now.starts_with(&kept[..whole]), "what was acknowledged is there");
    check_whole(world, id);
    full
}

#[test]
fn f05_a_full_disk_stops_the_run_and_loses_nothing() {
    let n = 4;
    let mut stopped = 0;
    let world = World::with_model(stepping(n));
    let Some(_small) = Small::at(&world.ace_home(), "size=512k") else { return };
    let ballast = world.ace_home().join("ballast");
    for pages in 0..number("ACE_FULL_PAGES", 16) {
        let id = session(&world);
        let _ = fs::remove_file(world.project().join("steps.txt"));
        let full = fill_and_go_on(&world, &id, || {
            // All but so many pages of the disk.
            let mut block = vec![0_u8; 4096];
            block[0] = 1;
            let mut file = fs::File::create(&ballast).unwrap();
            let mut bytes = 0_u64;
            while std::io::Write::write_all(&mut file, &block).is_ok() {
                bytes += 4096;
            }
            file.set_len(bytes.saturating_sub(pages as u64 * 4096)).unwrap();
            let ballast = ballast.clone();
            Box::new(move || fs::remove_file(ballast).unwrap())
        });
        if full.code != Some(0) {
            stopped += 1;
            assert_eq!(full.code, Some(74), "{pages} pages: {full:?}");
            assert!(full.stderr.contains("no space left on device"), "{pages} pages: {full:?}");
        }
        check_steps_or(&world, &id, n, &EXCUSES);
        fs::remove_dir_all(world.log_file(&id).parent().unwrap()).unwrap();
    }
    println!("stopped {stopped} times");
    assert!(stopped > 2);
}

#[test]
fn f22_a_disk_without_inodes_stops_the_run_and_loses_nothing() {
    let n = 2;
    let world = World::with_model(stepping(n));
    let Some(_small) = Small::at(&world.ace_home(), "size=2m,nr_inodes=64") else { return };
    let mut stopped = 0;
    for left in 0..8 {
        let id = session(&world);
        let _ = fs::remove_file(world.project().join("steps.txt"));
        let folder = world.ace_home().join("ballast");
        let full = fill_and_go_on(&world, &id, || {
            fs::create_dir(&folder).unwrap();
            let mut files = 0;
            while fs::write(folder.join(files.to_string()), "").is_ok() {
                files += 1;
            }
            (0..left.min(files)).for_each(|k| fs::remove_file(folder.join(k.to_string())).unwrap());
            let folder = folder.clone();
            Box::new(move || fs::remove_dir_all(folder).unwrap())
        });
        if full.code != Some(0) {
            stopped += 1;
            assert_eq!(full.code, Some(74), "{left} inodes: {full:?}");
            assert!(full.stderr.contains("no space left on device"), "{left} inodes: {full:?}");
        }
        check_steps_or(&world, &id, n, &EXCUSES);
        fs::remove_dir_all(world.log_file(&id).parent().unwrap()).unwrap();
    }
    println!("stopped {stopped} times");
    assert!(stopped > 0);
}
