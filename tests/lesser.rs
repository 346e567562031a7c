//! The battery of [`crate::rights`] again with less power: as a user who is nobody, and where no namespace can be made.
#![allow(unsafe_code, reason = "a filter of system calls is installed between fork and exec")]

use crate::server::{Reply, Server};
use crate::suite::World;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// The tests that the weaker runs repeat.
const BATTERY: &str = "rights::";

/// Whether this is the run without namespaces.
pub fn is_bare() -> bool {
    std::env::var_os("ACE_TEST_BARE").is_some()
}

/// Runs the battery in a process of its own; its output if it failed.
#[track_caller]
fn battery(mut command: Command) {
    let out = command.args([BATTERY, "--test-threads=2"]).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{text}");
    assert!(!text.contains("running 0 tests"), "{text}");
    text.lines().filter(|line| line.contains("SKIPPED")).for_each(|line| println!("{line}"));
}

#[test]
fn a33_a34_p37_nobody_is_held_as_well_as_root() {
    if !rustix::process::geteuid().is_root() {
        return println!("SKIPPED: the battery runs as a user without power already");
    }
    let folder = tempfile::tempdir().unwrap();
    let copy = |from: &Path| {
        let to = folder.path().join(from.file_name().unwrap());
        if std::fs::hard_link(from, &to).is_err() {
            std::fs::copy(from, &to).unwrap();
        }
        to
    };
    for name in std::fs::read_dir(crate::suite::programs()).unwrap().flatten() {
        let path = name.path();
        let is_ours = path.file_name().is_some_and(|n| n == "ace" || n.to_string_lossy().starts_with("ace-"));
        if is_ours && path.extension().is_none() && path.is_file() {
            copy(&path);
        }
    }
    let exe = copy(&std::env::current_exe().unwrap());
    let tmp = folder.path().join("tmp");
    std::fs::create_dir(&tmp).unwrap();
    std::os::unix::fs::chown(&tmp, Some(65534), Some(65534)).unwrap();
    open_to_all(folder.path());
    let mut command = Command::new(exe);
    command
        .uid(65534)
        .gid(65534)
        .current_dir("/")
        .env("TMPDIR", &tmp)
        .env("HOME", &tmp)
        .env("ACE_TEST_PROGRAMS", folder.path());
    // What only root's home has, nobody can read.
    command
        .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin")
        .env_remove("CARGO_HOME")
        .env_remove("RUSTUP_HOME");
    battery(command);
}

fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn p37_without_namespaces_landlock_and_seccomp_hold() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env("ACE_TEST_BARE", "1");
    deny(&mut command, &[libc::SYS_unshare], libc::EPERM);
    battery(command);
}

#[test]
fn p30_in_a_repository_s_own_folder_without_mounts_nothing_runs_unlooked_at() {
    // What a rule cannot see in the command.
    let model = crate::run::calls_then("sh plant.sh", "done");
    let script = "echo x > .git/hooks/post-commit; echo y > made\n";
    let world = World::with_model(model).repository(&[("plant.sh", script)]);
    let run = |args: &[&str]| {
        let mut command = world.command("ace", &[&["run"], args, &["go"]].concat());
        deny(&mut command, &[libc::SYS_unshare], libc::EPERM);
        crate::suite::finish(command.spawn().unwrap(), None)
    };
    let hook = world.project().join(".git/hooks/post-commit");
    for mode in ["auto", "edit"] {
        let says = [".git", &format!("mode '{mode}'"), "hint: leave --no-worktree out"];
        let _ = run(&["--no-worktree", "--mode", mode]).fails(78, &says);
        assert!(!hook.exists() && !world.project().join("made").exists());
    }
    // A person looks at each call, has taken it upon themselves, or git's data lies elsewhere.
    let _ = run(&["--no-worktree", "--mode", "ask"]).fails(3, &[]);
    let _ = run(&["--mode", "auto"]).done();
    assert!(!hook.exists());
    let _ = run(&["--no-worktree", "--mode", "auto", "--unsandboxed"]).done();
    assert!(hook.exists());
}

#[test]
fn f06_a_disk_that_cannot_promise_is_not_believed() {
    let world = settled();
    let before = std::fs::read(world.log_file("@only")).unwrap();
    let mut command = world.command("ace-session", &["say", "@last", "and more"]);
    deny(&mut command, &[libc::SYS_fdatasync, libc::SYS_fsync], libc::EIO);
    let run = crate::suite::finish(command.spawn().unwrap(), None).fails(74, &["ace-session: "]);
    assert_eq!(run.stdout, "");
    assert!(std::fs::read(world.log_file("@only")).unwrap().starts_with(&before));
    // What the disk holds now nobody knows: this file is not written on, also by a process that could.
    let _ = world.run("ace-session", &["say", "@last", "again"]).fails(74, &["ace-log verify"]);
    let _ = world.run("ace-log", &["verify", "@last"]).done();
}

#[test]
fn f08_a_process_out_of_descriptors_says_so_and_loses_nothing() {
    let world = settled();
    for most in [4, 6, 8, 12, 16] {
        let mut command = world.command("ace", &["resume", "@last"]);
        // SAFETY: one system call between fork and exec.
        unsafe {
            command.pre_exec(move || {
                let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
                if libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) == 0 {
                    Ok(())
                } else {
                    Err(std::io::Error::last_os_error())
                }
            });
        }
        let run = crate::suite::finish(command.spawn().unwrap(), None);
        assert!(!run.stderr.contains("panicked") && run.code.is_some(), "{most}: {run:?}");
    }
    let _ = world.run("ace", &["resume", "@last"]).done();
    let _ = world.run("ace-log", &["verify", "@last"]).done();
}

/// A world with a session that has something to do.
fn settled() -> World {
    let world = World::with_model(Server::start(vec![Reply::Text("hello")])).repository(&[]);
    let _ = world.run("ace-session", &["new", "go on"]).done();
    world
}

/// Starts the command on a kernel that seems to have no Landlock.
pub fn without_landlock(command: &mut Command) {
    deny(command, &[libc::SYS_landlock_create_ruleset], libc::ENOSYS);
}

/// Lets these system calls fail with `errno` in the command and all it starts.
fn deny(command: &mut Command, calls: &[i64], errno: i32) {
    let step = |code: u16, jt: u8, jf: u8, k: u32| libc::sock_filter { code, jt, jf, k };
    let mut program = vec![step(0x20, 0, 0, 0)];
    for (at, call) in calls.iter().enumerate() {
        let to_refusal = u8::try_from(calls.len() - at).unwrap();
        program.push(step(0x15, to_refusal, 0, u32::try_from(*call).unwrap()));
    }
    program.push(step(0x06, 0, 0, 0x7fff_0000));
    program.push(step(0x06, 0, 0, 0x0005_0000 | u32::try_from(errno).unwrap()));
    // SAFETY: between fork and exec only two system calls are made, on memory that was made before.
    unsafe {
        command.pre_exec(move || {
            let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
            if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
                || libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter) != 0
            {
                return Err(std::io::Error::last_os_error());
            }
            Ok(())
        });
    }
}
