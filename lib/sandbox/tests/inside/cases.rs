//! The cases, by the id of the incident or attack they answer where there is one.

use std::fs::{self, OpenOptions};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use ace_sandbox::{Access, Applied, Git, Layer, Profile, Resource};

use crate::attempt::{Outcome, call_refused, holds, refused, shell, works};
use crate::scene::{ENTERING, Scene, World, as_is, finish};

pub struct Case {
    pub name: &'static str,
    /// Layers without which the case means nothing.
    pub needs: &'static [Layer],
    /// Changes the profile first.
    pub adapt: fn(&Scene, &mut Profile),
    /// What the worker tries.
    pub inside: fn(&Scene, &Applied) -> Outcome,
    /// Whether it must fail, and may be tried, without any layer: the proof that it can fail.
    pub control: bool,
    /// If there: what the runner does instead of just starting the worker and waiting.
    pub outside: Option<fn(&World) -> Outcome>,
    /// Whether all of it lies below the shared temporary folder.
    pub below_tmp: bool,
}

const fn case(name: &'static str, inside: fn(&Scene, &Applied) -> Outcome) -> Case {
    Case { name, needs: &[], adapt: as_is, inside, control: false, outside: None, below_tmp: false }
}

impl Case {
    const fn needs(mut self, layers: &'static [Layer]) -> Case {
        self.needs = layers;
        self
    }
    const fn adapt(mut self, adapt: fn(&Scene, &mut Profile)) -> Case {
        self.adapt = adapt;
        self
    }
    const fn control(mut self) -> Case {
        self.control = true;
        self
    }
    const fn below_tmp(mut self) -> Case {
        self.below_tmp = true;
        self
    }
    const fn outside(mut self, outside: fn(&World) -> Outcome) -> Case {
        self.outside = Some(outside);
        self
    }
}

pub const CASES: &[Case] = &[
    case("secrets_of_the_home_are_out_of_reach", secrets).control(),
    case("p62_the_session_log_is_out_of_reach", session_log).control(),
    case("a02_proc_self_root_leads_nowhere", proc_root).control(),
    case("writes_outside_the_worktree_fail", writes_outside),
    case("what_is_written_to_a_cache_stays_inside", caches).needs(&[Layer::Mount]),
    case("modes_and_times_outside_stay", modes_outside).needs(&[Layer::Mount]).control(),
    case("a03_writes_through_links_fail", links).control(),
    case("p32_rename_games_fail", renames).control(),
    case("p30_git_and_ace_are_closed_and_cannot_be_replaced", closed).needs(&[Layer::Mount]).control(),
    case("p30_hooks_and_config_of_the_repository_are_closed", hooks).control(),
    case("p31_a_commit_works_and_steering_files_stay_closed", commit)
        .needs(&[Layer::Mount])
        .adapt(|scene, profile| {
            if let Some(git) = Git::find(&scene.worktree()) {
                *profile = profile.clone().committing(&git, &store(scene, &git));
            }
        })
        .outside(committed_nothing_outside),
    case("a35_tcp_does_not_reach_the_host", tcp).control(),
    case("a36_udp_does_not_reach_the_host", udp).control(),
    case("a34_unix_sockets_of_the_host_are_out_of_reach", unix_sockets).control(),
    case("a_loopback_of_its_own_works", loopback).needs(&[Layer::Net]),
    case("p36_other_processes_cannot_be_read_or_traced", tracing).control(),
    case("a28_p53_environments_outside_cannot_be_read", environments).control(),
    case("a33_signals_do_not_leave", signals).control(),
    case("a33_kill_minus_one_stays_inside", kill_all).needs(&[Layer::Pid]),
    case("a34_mounts_and_namespaces_are_refused", mounts),
    case("a34_raw_sockets_and_other_families_are_refused", families).control(),
    case("p36_dangerous_calls_are_refused", calls),
    case("a34_no_other_user_can_be_become", users),
    case("disks_and_kernel_switches_are_closed", kernel),
    case("descriptors_of_the_caller_are_closed", descriptors).outside(descriptors_outside),
    case("the_temporary_folder_is_private", temporary).needs(&[Layer::Mount]),
    case("the_shared_temporary_folder_is_closed", shared_temporary).outside(shared_temporary_outside),
    case("ordinary_commands_work", ordinary),
    case("a_build_works_offline", build),
    case("files_in_the_worktree_are_owned_properly", ownership),
    case("terminals_can_be_made", terminals).needs(&[Layer::Mount]),
    case("orphans_are_reaped", orphans).needs(&[Layer::Pid]),
    case("a31_a_fork_bomb_hits_the_ceiling", fork_bomb)
        .needs(&[Layer::Pid])
        .adapt(|_, profile| profile.limits.processes = Some(400)),
    case("a31_a_fork_bomb_hits_the_ceiling_of_the_group", |scene, applied| {
        // Without a tree of its own only a group can count it, for root at least.
        if scene.namespaces
            || applied.ceilings.iter().any(|c| c.what == Resource::Processes && c.how.starts_with("cgroup"))
        {
            return fork_bomb(scene, applied);
        }
        println!("no control group can be made here: nothing holds the number of processes");
        Ok(())
    })
    .adapt(|_, profile| profile.limits.processes = Some(400)),
    case("a31_a_memory_hog_hits_the_ceiling", memory_hog).adapt(|_, profile| profile.limits.memory = Some(256 << 20)),
    case("what_is_hidden_stays_closed_when_it_is_made_later", hidden_later)
        .adapt(|scene, profile| {
            let folder = scene.outside();
            *profile = profile.clone().read(&folder).grant(&folder.join("later"), Access::Hidden);
        })
        .outside(|world| hidden_later_outside(world, "what_is_hidden_stays_closed_when_it_is_made_later")),
    case("p35_what_is_hidden_below_tmp_stays_closed_when_it_is_made_later", hidden_later)
        .adapt(|scene, profile| {
            let folder = scene.outside();
            *profile = profile.clone().read(&folder).grant(&folder.join("later"), Access::Hidden);
        })
        .below_tmp()
        .outside(|world| {
            hidden_later_outside(world, "p35_what_is_hidden_below_tmp_stays_closed_when_it_is_made_later")
        }),
    case("p35_what_is_hidden_below_tmp_stays_closed_when_it_is_made_again", hidden_later)
        .adapt(|scene, profile| {
            let folder = scene.outside();
            *profile = profile.clone().read(&folder).grant(&folder.join("later"), Access::Hidden);
        })
        .below_tmp()
        .outside(|world| {
            works("one of before", fs::create_dir(world.scene.outside().join("later")))?;
            hidden_later_outside(world, "p35_what_is_hidden_below_tmp_stays_closed_when_it_is_made_again")
        }),
    case("the_exit_code_comes_through", |_, _| std::process::exit(7)).outside(exit_code),
    case("a32_a_daemon_ends_with_the_worker", daemon_then_exit).outside(daemon_after_exit),
    case("a32_a_daemon_ends_with_a_killed_leash", daemon_then_wait).needs(&[Layer::Pid]).outside(daemon_after_kill),
    case("p63_a_daemon_ends_with_a_killed_owner", daemon_then_wait_2).outside(daemon_after_owner),
    case("p51_a_filter_reads_its_files_and_nothing_else", reader).adapt(|scene, profile| {
        *profile = Profile::reader().read(scene.outside());
    }),
    case("a_worker_of_a_confined_broker_holds_every_layer", |_, applied| {
        holds(&applied.to_string(), applied.lacking.is_empty() && applied.gaps.is_empty())
    })
    .needs(&[Layer::Mount])
    .outside(|world| {
        let (code, said) = finish(world.start_as("--broker", "a_worker_of_a_confined_broker_holds_every_layer"));
        holds(&format!("{code:?} {said}"), code == Some(0))
    }),
    case("a_model_has_a_network_and_no_files", model).adapt(|scene, profile| {
        *profile = Profile::model(&scene.outside());
    }),
    case("entering_is_quick", |_, _| {
        println!("{}", ENTERING.load(std::sync::atomic::Ordering::Relaxed));
        Ok(())
    })
    .outside(timing),
    case("p37_a_required_layer_that_lacks_is_refused", |_, _| Err("it ran".to_owned()))
        .adapt(|_, profile| {
            *profile = profile.clone().without_namespaces().requiring([Layer::User]);
        })
        .outside(required),
];

fn secrets(scene: &Scene, applied: &Applied) -> Outcome {
    for name in [".ssh/id", ".aws/credentials", ".netrc", ".cargo/credentials.toml", ".config/gh/hosts.yml"] {
        refused(name, fs::read(scene.home().join(name)))?;
    }
    if Path::new("/etc/shadow").exists() || applied.holds(Layer::Mount) {
        refused("/etc/shadow", fs::read("/etc/shadow"))?;
    }
    works("a tool of the home", fs::read(scene.home().join(".cargo/bin/tool")))?;
    works("/etc/passwd", fs::read("/etc/passwd"))?;
    Ok(())
}

fn session_log(scene: &Scene, _: &Applied) -> Outcome {
    let log = scene.ace().join("sessions/s/log.jsonl");
    refused("reading the log", fs::read(&log))?;
    refused("appending to the log", OpenOptions::new().append(true).open(&log))?;
    refused("listing sessions", fs::read_dir(scene.ace().join("sessions")))?;
    refused("removing the log", fs::remove_file(&log))
}

fn proc_root(scene: &Scene, _: &Applied) -> Outcome {
    let outside = scene.outside().join("file");
    let rest = outside.strip_prefix("/").expect("absolute");
    for root in [
        "/proc/self/root",
        "/proc/1/root",
        &format!("/proc/{}/root", scene.host),
        "/proc/self/cwd/../../../../../../../..",
    ] {
        refused(root, fs::read(Path::new(root).join(rest)))?;
    }
    Ok(())
}

fn writes_outside(scene: &Scene, _: &Applied) -> Outcome {
    let file = scene.outside().join("file");
    refused("changing", OpenOptions::new().write(true).open(&file))?;
    refused("cutting", OpenOptions::new().write(true).truncate(true).open(&file))?;
    refused("removing", fs::remove_file(&file))?;
    refused("making", fs::write(scene.outside().join("new"), "x"))?;
    refused("a shell's start file", OpenOptions::new().append(true).open(scene.home().join(".bashrc")))
        .or_else(|why| if scene.namespaces { Ok(()) } else { Err(why) })?;
    refused("a program", fs::write(scene.home().join(".cargo/bin/tool"), "x"))?;
    refused("the system", fs::write("/usr/local/bin/ace-test", "x"))?;
    refused("a neighbour", fs::write(scene.ace().join("worktrees/other"), "x"))?;
    let path = std::ffi::CString::new(file.to_str().expect("utf-8")).expect("no nul");
    // SAFETY: a valid path and a length.
    call_refused("truncate", i64::from(unsafe { libc::truncate(path.as_ptr(), 0) }), None)?;
    works("the worktree", fs::write(scene.worktree().join("new"), "x"))?;
    works("the temporary folder", fs::write(scene.tmp().join("new"), "x"))?;
    Ok(())
}

fn caches(scene: &Scene, applied: &Applied) -> Outcome {
    let cache = scene.home().join(".cache/pip");
    works("reading a cache", fs::read(cache.join("wheel")))?;
    if applied.gaps.iter().any(|gap| gap.starts_with("caches can only be read")) {
        println!("this kernel layers nothing: {:?}", applied.gaps);
        return refused("changing a cache", fs::write(cache.join("wheel"), "x"));
    }
    works("changing it", fs::write(cache.join("wheel"), "x"))?;
    works("adding to it", fs::create_dir(cache.join("more")).and_then(|()| fs::write(cache.join("more/one"), "x")))?;
    works("moving in it", fs::rename(cache.join("more/one"), cache.join("two")))?;
    holds("what was written is read", fs::read(cache.join("wheel")).is_ok_and(|text| text == b"x"))?;
    refused("a layer's own place", fs::read_dir("/layers"))?;
    works("taking away", fs::remove_file(cache.join("wheel")))
}

fn modes_outside(scene: &Scene, _: &Applied) -> Outcome {
    let open = fs::Permissions::from_mode(0o777);
    refused("chmod outside", fs::set_permissions(scene.outside().join("file"), open.clone()))?;
    refused("chmod of a tool", fs::set_permissions(scene.home().join(".cargo/bin/tool"), open.clone()))?;
    refused("chmod of the system", fs::set_permissions("/usr/bin/env", open.clone()))?;
    refused("chmod of a device", fs::set_permissions("/dev/null", open.clone()))?;
    refused("looking outside", fs::metadata(scene.outside().join("file")))?;
    works("chmod in the worktree", fs::set_permissions(scene.worktree().join("README"), open))?;
    Ok(())
}

fn links(scene: &Scene, _: &Applied) -> Outcome {
    let link = scene.worktree().join("link");
    works("making a link", symlink(scene.outside().join("file"), &link))?;
    refused("reading through it", fs::read(&link))?;
    refused("writing through it", fs::write(&link, "x"))?;
    let dangling = scene.worktree().join("dangling");
    works("making a link", symlink(scene.outside().join("fresh"), &dangling))?;
    refused("making through it", fs::write(&dangling, "x"))?;
    let up = scene.worktree().join("up");
    works("making a link", symlink("../../../../../..", &up))?;
    refused("through a folder", fs::read(up.join("outside/file")))
}

fn renames(scene: &Scene, _: &Applied) -> Outcome {
    let (file, worktree) = (scene.outside().join("file"), scene.worktree());
    refused("moving a secret in", fs::rename(&file, worktree.join("stolen")))?;
    refused("linking a secret in", fs::hard_link(&file, worktree.join("stolen")))?;
    refused("linking git's config in", fs::hard_link(scene.repo().join(".git/config"), worktree.join("config")))?;
    refused("moving git's config in", fs::rename(scene.repo().join(".git/config"), worktree.join("config")))?;
    works("a file", fs::write(worktree.join("mine"), "x"))?;
    refused("moving one out", fs::rename(worktree.join("mine"), scene.outside().join("mine")))?;
    refused("over a hook", fs::rename(worktree.join("mine"), scene.repo().join(".git/hooks/post-commit")))?;
    refused("moving the worktree", fs::rename(&worktree, scene.ace().join("worktrees/v")))?;
    works("a folder", fs::create_dir(worktree.join("folder")))?;
    works("moving inside", fs::rename(worktree.join("mine"), worktree.join("folder/mine")))?;
    Ok(())
}

fn committed_nothing_outside(world: &World) -> Outcome {
    let common = world.scene.repo().join(".git");
    let tip = || fs::read(common.join("refs/heads/ace/w")).expect("a branch");
    let before = tip();
    let objects = || fs::read_dir(common.join("objects")).expect("objects").count();
    let count = objects();
    let (code, said) = finish(world.start("p31_a_commit_works_and_steering_files_stay_closed"));
    if code == Some(40) {
        return Err(format!("SKIPPED {said}"));
    }
    holds(&format!("{code:?} {said}"), code == Some(0))?;
    holds("the repository is as it was", tip() == before && objects() == count)
}

fn closed(scene: &Scene, _: &Applied) -> Outcome {
    let worktree = scene.worktree();
    let git = worktree.join(".git");
    works("reading .git", fs::read(&git))?;
    refused("writing .git", fs::write(&git, "gitdir: /x"))?;
    refused("removing .git", fs::remove_file(&git))?;
    refused("moving .git", fs::rename(&git, worktree.join("git")))?;
    works("a file", fs::write(worktree.join("mine"), "x"))?;
    refused("putting another in its place", fs::rename(worktree.join("mine"), &git))?;
    let ace = worktree.join(".ace");
    refused("writing in .ace", fs::write(ace.join("config.toml"), "x"))?;
    refused("removing .ace", fs::remove_dir(&ace))?;
    refused("moving .ace", fs::rename(&ace, worktree.join("ace")))?;
    works("a folder", fs::create_dir(worktree.join("dir")))?;
    refused("putting another in its place", fs::rename(worktree.join("dir"), &ace))
}

fn hooks(scene: &Scene, applied: &Applied) -> Outcome {
    let common = scene.repo().join(".git");
    works("reading the configuration", fs::read(common.join("config")))?;
    refused("writing it", OpenOptions::new().append(true).open(common.join("config")))?;
    refused("planting a hook", fs::write(common.join("hooks/post-commit"), "#!/bin/sh\n"))?;
    refused("config of the worktree", fs::write(common.join("worktrees/w/config.worktree"), "x"))?;
    refused("another worktree", fs::create_dir(common.join("worktrees/v")))?;
    // The write is tried whatever the view shows. Where the repository lies below a folder that is private here, the view does
    // not show the file and one of that name can be made: it is the view's own, and the runner compares the host's afterwards.
    let readme = scene.repo().join("README");
    let shown = fs::read(&readme).is_ok();
    let written = fs::write(&readme, "x");
    if shown || !applied.holds(Layer::Mount) {
        refused("the repository's files", written)?;
    }
    Ok(())
}

/// A store as the worktree's keeper makes it.
fn store(scene: &Scene, git: &Git) -> std::path::PathBuf {
    let store = scene.ace().join("commits/s");
    for name in ["objects/info", "objects/pack", "heads", "logs", "shared"] {
        fs::create_dir_all(store.join(name)).expect("a folder");
    }
    let alternate = format!("{}\n", store.join("shared").display());
    fs::write(store.join("objects/info/alternates"), alternate).expect("a file");
    fs::copy(git.common.join("refs/heads/ace/w"), store.join("heads/w")).expect("a branch");
    store
}

fn commit(scene: &Scene, _: &Applied) -> Outcome {
    works("a change", fs::write(scene.worktree().join("README"), "two\n"))?;
    shell("git -c user.name=t -c user.email=t@example.org commit -qam two && git log --oneline | grep -q two")?;
    let common = scene.repo().join(".git");
    refused("a hook", fs::write(common.join("hooks/post-commit"), "x"))?;
    refused("the configuration", OpenOptions::new().append(true).open(common.join("config")))?;
    let own = common.join("worktrees/w");
    for name in ["commondir", "gitdir"] {
        refused(name, OpenOptions::new().append(true).open(own.join(name)))?;
        refused(name, fs::remove_file(own.join(name)))?;
    }
    refused("config of the worktree", fs::write(own.join("config.worktree"), "[core]\n"))?;
    let shared = scene.ace().join("commits/s/shared");
    let objects = works("the repository's objects", fs::read_dir(&shared))?;
    let object = objects.flatten().find(|entry| entry.file_name().len() == 2).expect("an object").path();
    refused("taking them away", fs::remove_dir_all(&object))?;
    refused("adding to them", fs::write(shared.join("x"), "x"))?;
    works("a store of one's own", fs::remove_dir_all(common.join("objects/info")))?;
    refused("main", fs::write(common.join("refs/heads/main"), "x"))
}

fn tcp(scene: &Scene, _: &Applied) -> Outcome {
    for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0"] {
        refused(address, TcpStream::connect((address, scene.tcp)))?;
    }
    let far = "169.254.169.254:80".parse().expect("an address");
    refused("the metadata service", TcpStream::connect_timeout(&far, Duration::from_secs(2)))
}

fn udp(scene: &Scene, _: &Applied) -> Outcome {
    // Sending may look fine on a loopback of one's own; that nothing arrives is checked outside.
    if let Ok(socket) = UdpSocket::bind("127.0.0.1:0") {
        let _ = socket.send_to(b"x", ("127.0.0.1", scene.udp));
        refused("a name server", socket.send_to(b"x", ("9.9.9.9", 53)))?;
    }
    refused("a name", std::net::ToSocketAddrs::to_socket_addrs("secret.example.org:80"))
}

fn unix_sockets(scene: &Scene, _: &Applied) -> Outcome {
    use std::os::linux::net::SocketAddrExt;
    let name = std::os::unix::net::SocketAddr::from_abstract_name(scene.abstract_name()).expect("a name");
    refused("a socket with a path", UnixStream::connect(scene.path_socket()))?;
    refused("an abstract socket", UnixDatagram::unbound().and_then(|socket| socket.send_to_addr(b"x", &name)))?;
    refused("one end of a pair", UnixDatagram::pair().and_then(|(one, _)| one.send_to_addr(b"x", &name)))?;
    for path in ["/run/docker.sock", "/var/run/docker.sock", "/run/dbus/system_bus_socket"] {
        refused(path, UnixStream::connect(path))?;
    }
    works("a pair of one's own", UnixStream::pair())?;
    Ok(())
}

fn loopback(_: &Scene, _: &Applied) -> Outcome {
    let listener = works("a listener", TcpListener::bind("127.0.0.1:0"))?;
    let address = works("its address", listener.local_addr())?;
    works("connecting to it", TcpStream::connect(address))?;
    Ok(())
}

fn tracing(scene: &Scene, _: &Applied) -> Outcome {
    for pid in [scene.victim, scene.host, 1] {
        let mut byte = 0_u8;
        let local = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
        let remote = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
        // SAFETY: both vectors name one byte of ours; the call is expected to be refused.
        let read = unsafe { libc::process_vm_readv(pid, &local, 1, &remote, 1, 0) };
        call_refused("process_vm_readv", read as i64, None)?;
        // SAFETY: plain numbers.
        let traced = unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, 0, 0) };
        call_refused("ptrace", traced, None)?;
        refused("memory", fs::read(format!("/proc/{pid}/mem")))?;
    }
    Ok(())
}

fn environments(scene: &Scene, _: &Applied) -> Outcome {
    for pid in [scene.victim, scene.host] {
        let read = fs::read(format!("/proc/{pid}/environ"));
        refused("an environment", read)?;
    }
    holds("no secret in the environment", !shell("env; cat /proc/self/environ | tr '\\0' '\\n'")?.contains("canary"))?;
    // A child must not reach into the worker either.
    let own = std::process::id();
    refused("the worker's memory", shell(&format!("dd if=/proc/{own}/mem bs=1 count=1 2>&1; cat /proc/{own}/environ")))
}

fn signals(scene: &Scene, applied: &Applied) -> Outcome {
    if !scene.bare && !applied.holds(Layer::Pid) && applied.landlock_abi < 6 {
        return Ok(()); // Nothing holds signals here, and `gaps` says so.
    }
    let numbers = if applied.holds(Layer::Pid) { "another process of that number" } else { "" };
    for signal in [0, libc::SIGUSR1, libc::SIGKILL] {
        // SAFETY: plain numbers.
        let sent = unsafe { libc::kill(scene.victim, signal) };
        call_refused(&format!("a signal {numbers}"), i64::from(sent), None)?;
    }
    let mut child = works("a child", Command::new("sleep").arg("60").spawn())?;
    works("ending one's own child", child.kill())?;
    works("its end", child.wait())?;
    Ok(())
}

fn kill_all(_: &Scene, _: &Applied) -> Outcome {
    // Never on the host: the number shows that this is a tree of its own.
    holds("the worker is the second process", std::process::id() == 2)?;
    let mut child = works("a child", Command::new("sleep").arg("60").spawn())?;
    // SAFETY: plain numbers.
    unsafe { libc::kill(-1, libc::SIGKILL) };
    works("its end", child.wait())?;
    Ok(())
}

fn mounts(_: &Scene, _: &Applied) -> Outcome {
    // SAFETY: constant strings and plain numbers; each call is expected to be refused.
    unsafe {
        let tmpfs = c"tmpfs".as_ptr();
        let mounted = libc::mount(tmpfs, c"/tmp".as_ptr(), tmpfs, 0, std::ptr::null());
        call_refused("mount", i64::from(mounted), Some(libc::EPERM))?;
        call_refused("umount", i64::from(libc::umount2(c"/tmp".as_ptr(), libc::MNT_DETACH)), Some(libc::EPERM))?;
        call_refused("chroot", i64::from(libc::chroot(c"/".as_ptr())), Some(libc::EPERM))?;
        for flag in [libc::CLONE_NEWUSER, libc::CLONE_NEWNS, libc::CLONE_NEWNET, libc::CLONE_NEWPID, 0x80] {
            call_refused("unshare", i64::from(libc::unshare(flag)), Some(libc::EPERM))?;
            // The upper half of the register must not matter.
            let cloned = libc::syscall(
                libc::SYS_clone,
                0xdead_0000_0000_0000_u64 as i64 | i64::from(flag & !0xff) | i64::from(libc::SIGCHLD),
                0,
                0,
                0,
                0,
            );
            if flag != 0x80 {
                call_refused("clone", cloned, Some(libc::EPERM))?;
            } else if cloned == 0 {
                libc::_exit(0);
            }
        }
        call_refused("clone3", libc::syscall(libc::SYS_clone3, 0, 0), Some(libc::ENOSYS))?;
        call_refused("setns", i64::from(libc::setns(0, 0)), Some(libc::EPERM))?;
        call_refused("open_tree", libc::syscall(libc::SYS_open_tree, -100, c"/".as_ptr(), 1), Some(libc::EPERM))?;
        call_refused("fsopen", libc::syscall(libc::SYS_fsopen, tmpfs, 0), Some(libc::EPERM))?;
    }
    refused("unshare", shell("unshare -Ur true"))?;
    Ok(())
}

fn families(_: &Scene, _: &Applied) -> Outcome {
    let tries = [
        ("icmp", libc::AF_INET, libc::SOCK_RAW, 1),
        ("raw with flags", libc::AF_INET6, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 58),
        ("packet", libc::AF_PACKET, libc::SOCK_DGRAM, 0),
        ("old packet", libc::AF_INET, 10, 0),
        ("netlink", libc::AF_NETLINK, libc::SOCK_DGRAM, 0),
        ("vsock", libc::AF_VSOCK, libc::SOCK_STREAM, 0),
        ("kernel crypto", libc::AF_ALG, libc::SOCK_SEQPACKET, 0),
        ("unix", libc::AF_UNIX, libc::SOCK_STREAM, 0),
    ];
    for (what, domain, kind, protocol) in tries {
        // SAFETY: plain numbers.
        let socket = unsafe { libc::socket(domain, kind, protocol) };
        call_refused(what, i64::from(socket), Some(libc::EPERM))?;
    }
    Ok(())
}

fn calls(_: &Scene, _: &Applied) -> Outcome {
    let tries = [
        ("io_uring_setup", libc::SYS_io_uring_setup),
        ("io_uring_enter", libc::SYS_io_uring_enter),
        ("bpf", libc::SYS_bpf),
        ("perf_event_open", libc::SYS_perf_event_open),
        ("userfaultfd", libc::SYS_userfaultfd),
        ("add_key", libc::SYS_add_key),
        ("keyctl", libc::SYS_keyctl),
        ("pidfd_getfd", libc::SYS_pidfd_getfd),
        ("open_by_handle_at", libc::SYS_open_by_handle_at),
        ("finit_module", libc::SYS_finit_module),
        ("kexec_load", libc::SYS_kexec_load),
        ("swapon", libc::SYS_swapon),
        ("fanotify_init", libc::SYS_fanotify_init),
    ];
    for (what, number) in tries {
        // SAFETY: zeros as arguments; each call is expected to be refused before it looks at them.
        call_refused(what, unsafe { libc::syscall(number, 0, 0, 0, 0, 0, 0) }, Some(libc::EPERM))?;
    }
    // SAFETY: as above.
    unsafe {
        call_refused("TIOCSTI", i64::from(libc::ioctl(0, libc::TIOCSTI, c"x".as_ptr())), Some(libc::EPERM))?;
        let long = 0xffff_ffff_0000_0000_u64 | libc::TIOCSTI;
        call_refused(
            "TIOCSTI in a long register",
            libc::syscall(libc::SYS_ioctl, 0, long, c"x".as_ptr()),
            Some(libc::EPERM),
        )?;
        #[cfg(target_arch = "x86_64")]
        call_refused("the x32 table", libc::syscall(0x4000_0000 + libc::SYS_getpid), Some(libc::ENOSYS))?;
    }
    Ok(())
}

fn users(scene: &Scene, _: &Applied) -> Outcome {
    // SAFETY: plain numbers.
    unsafe {
        let other = if libc::geteuid() == 0 { 1 } else { 0 };
        call_refused("setuid", i64::from(libc::setuid(other)), None)?;
        call_refused("setgid", i64::from(libc::setgid(other + 7)), None)?;
        call_refused("setgroups", i64::from(libc::setgroups(1, &(other + 7))), None)?;
    }
    let status = works("status", fs::read_to_string("/proc/self/status"))?;
    holds("no new privileges", status.contains("NoNewPrivs:\t1"))?;
    // What executing a program gives is what counts: root gets back all that the bounding set leaves.
    let caps = shell("grep -E 'Cap(Eff|Bnd)' /proc/self/status")?;
    let strong =
        |line: &str| u64::from_str_radix(line.rsplit('\t').next().unwrap_or(""), 16).unwrap_or(u64::MAX) & !0x43b;
    let root = works("owner", fs::metadata(scene.worktree()))?.uid() == 0;
    let lines: Vec<&str> = caps.lines().filter(|line| root || line.starts_with("CapEff")).collect();
    holds(&format!("no strong capability: {caps}"), lines.iter().all(|line| strong(line) == 0))?;
    holds("no core dumps", shell("ulimit -c")? == "0")
}

fn kernel(_: &Scene, applied: &Applied) -> Outcome {
    for path in [
        "/proc/sysrq-trigger",
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/vm/drop_caches",
        "/sys/kernel/uevent_helper",
        "/dev/kmsg",
    ] {
        refused(path, OpenOptions::new().write(true).open(path))?;
    }
    for entry in fs::read_dir("/sys/block")
        .into_iter()
        .flatten()
        .chain(fs::read_dir("/sys/class/block").into_iter().flatten())
        .flatten()
    {
        refused("a disk", fs::File::open(Path::new("/dev").join(entry.file_name())))?;
    }
    for path in ["/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/mem", "/dev/kmem", "/dev/port", "/proc/kcore"] {
        refused(path, fs::File::open(path))?;
    }
    let path = c"mine.dev";
    // SAFETY: a valid path and plain numbers.
    let made = unsafe { libc::mknod(path.as_ptr(), libc::S_IFBLK | 0o600, libc::makedev(254, 0)) };
    call_refused("mknod", i64::from(made), None)?;
    works("/dev/null", fs::write("/dev/null", "x"))?;
    works("/dev/urandom", fs::File::open("/dev/urandom"))?;
    if applied.holds(Layer::Mount) {
        refused("a new entry in the root", fs::create_dir("/new"))?;
    }
    Ok(())
}

fn descriptors(_: &Scene, _: &Applied) -> Outcome {
    let mut open: Vec<String> = works("listing", fs::read_dir("/proc/self/fd"))?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    open.sort();
    // The fourth is the listing itself.
    holds(&format!("only the standard ones: {open:?}"), open.len() == 4)
}

fn descriptors_outside(world: &World) -> Outcome {
    let leaked = works("a folder", fs::File::open("/"))?;
    // SAFETY: a descriptor of ours, made inheritable on purpose.
    unsafe { libc::fcntl(leaked.as_raw_fd(), libc::F_SETFD, 0) };
    let (code, said) = finish(world.start("descriptors_of_the_caller_are_closed"));
    holds(&said, code == Some(0))
}

fn temporary(scene: &Scene, _: &Applied) -> Outcome {
    works("a file in /tmp", fs::write("/tmp/mine", "x"))?;
    holds("it is the session's", scene.tmp().join("mine").exists())?;
    holds("/var/tmp is the same", Path::new("/var/tmp/mine").exists())?;
    works("shared memory", fs::write("/dev/shm/mine", "x"))?;
    Ok(())
}

fn shared_temporary(scene: &Scene, _: &Applied) -> Outcome {
    let name = format!("/tmp/ace-test-{}", scene.host);
    if !scene.namespaces {
        refused("writing", fs::write(&name, "x"))?;
        refused("shared memory", fs::write(format!("/dev/shm/ace-test-{}", scene.host), "x"))?;
    }
    refused("reading", fs::read(format!("{name}-canary")))
}

fn shared_temporary_outside(world: &World) -> Outcome {
    let canary = format!("/tmp/ace-test-{}-canary", world.scene.host);
    works("a canary", fs::write(&canary, "canary"))?;
    let (code, said) = finish(world.start("the_shared_temporary_folder_is_closed"));
    works("the canary", fs::remove_file(&canary))?;
    holds(&said, code == Some(0))
}

fn ordinary(scene: &Scene, _: &Applied) -> Outcome {
    shell("git status --short && git log --oneline && git diff")?;
    shell("make --version >/dev/null && ls / >/dev/null && ls -la . && id && date && uname -a && ps >/dev/null; true")?;
    shell("echo x > f && cat f | grep x && mkdir -p a/b && mv f a/b && rm -r a && ln -s README l && chmod +x README")?;
    shell(
        "python3 -c 'import subprocess, threading, tempfile, socket; subprocess.run([\"true\"], check=True); tempfile.TemporaryFile()'",
    )?;
    if scene.cargo {
        shell("cargo --version && rustc --version")?;
    } else {
        println!("SKIPPED cargo: there is none outside");
    }
    shell("exec 3<>/dev/null; echo x >/dev/stderr; cat </dev/stdin")?;
    holds("the folder is the worktree", works("where", std::env::current_dir())? == scene.worktree())
}

fn build(scene: &Scene, _: &Applied) -> Outcome {
    works("a folder", fs::create_dir_all(scene.worktree().join("src")))?;
    works(
        "a manifest",
        fs::write(scene.worktree().join("Cargo.toml"), "[package]\nname = \"p\"\nedition = \"2024\"\n[workspace]\n"),
    )?;
    works(
        "a program",
        fs::write(scene.worktree().join("src/main.rs"), "#[test] fn one() {}\nfn main() { println!(\"built\") }\n"),
    )?;
    if scene.cargo {
        shell(
            "CARGO_TARGET_DIR=target cargo test -q --offline && CARGO_TARGET_DIR=target cargo run -q --offline | grep built",
        )?;
    }
    works("C", fs::write(scene.worktree().join("c.c"), "#include <stdio.h>\nint main(void){puts(\"c\");}\n"))?;
    shell("printf 'c: c.c\\n\\tcc -o c c.c\\n' > Makefile && make -s && ./c").map(drop)
}

fn ownership(scene: &Scene, _: &Applied) -> Outcome {
    works("a file", fs::write(scene.worktree().join("mine"), "x"))?;
    shell("echo x > theirs")?;
    let owner = works("the folder", fs::metadata(scene.worktree()))?;
    for name in ["mine", "theirs"] {
        let file = works(name, fs::metadata(scene.worktree().join(name)))?;
        holds("the same owner", (file.uid(), file.gid()) == (owner.uid(), owner.gid()))?;
    }
    Ok(())
}

fn terminals(_: &Scene, _: &Applied) -> Outcome {
    // SAFETY: plain numbers; the descriptors end with the process.
    unsafe {
        let master = libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY);
        holds("a terminal", master >= 0)?;
        holds("unlocking it", libc::grantpt(master) == 0 && libc::unlockpt(master) == 0)?;
        let mut name = [0; 64];
        holds("its name", libc::ptsname_r(master, name.as_mut_ptr(), name.len()) == 0)?;
        let slave = libc::open(name.as_ptr(), libc::O_RDWR | libc::O_NOCTTY);
        holds("its other side", slave >= 0 && libc::isatty(slave) == 1)
    }
}

fn orphans(_: &Scene, _: &Applied) -> Outcome {
    shell("for i in 1 2 3 4 5; do (true & ) ; done; (sleep 0.01 &) ")?;
    sleep(Duration::from_millis(100));
    let left = works("processes", fs::read_dir("/proc"))?.flatten();
    let zombies = left
        .filter(|entry| fs::read_to_string(entry.path().join("status")).is_ok_and(|text| text.contains("State:\tZ")));
    holds("no zombies", zombies.count() == 0)
}

fn fork_bomb(_: &Scene, applied: &Applied) -> Outcome {
    if applied.gaps.iter().any(|gap| gap.contains("number of processes")) {
        println!("this kernel counts processes for each user only");
        return Ok(());
    }
    let mut children = Vec::new();
    let ended = loop {
        match Command::new("sleep").arg("60").stdin(Stdio::null()).spawn() {
            Ok(child) if children.len() < 2000 => children.push(child),
            Ok(_) => break false,
            Err(_) => break true,
        }
    };
    holds("there is a ceiling", ended && children.len() < 500)?;
    for child in &mut children {
        let _ = child.kill();
        let _ = child.wait();
    }
    shell("true").map(drop)
}

fn memory_hog(_: &Scene, applied: &Applied) -> Outcome {
    holds("there is a ceiling", applied.limits(Resource::Memory))?;
    // It keeps what it reads, since no line ends.
    shell("head -c 50000000 /dev/zero | tail -n 1 | wc -c")?;
    let start = Instant::now();
    refused(
        "twice as much as there may be",
        shell("head -c 600000000 /dev/zero | (tail -n 1; echo $? >&2) | wc -c | grep -q 600000000"),
    )?;
    holds("it ends in time", start.elapsed() < Duration::from_secs(30))?;
    shell("echo well").map(drop)
}

fn hidden_later(scene: &Scene, _: &Applied) -> Outcome {
    works("what may be read", fs::read(scene.outside().join("file")))?;
    let until = Instant::now() + Duration::from_secs(20);
    works("saying so", fs::write(scene.tmp().join("ready"), "x"))?;
    while fs::metadata(scene.tmp().join("go")).is_err() {
        holds("it was told to go on", Instant::now() < until)?;
        sleep(Duration::from_millis(2));
    }
    refused("a secret that came later", fs::read(scene.outside().join("later/secret")))?;
    refused("writing it", fs::write(scene.outside().join("later/secret"), "x"))?;
    works("what could be read before", fs::read(scene.outside().join("file")))?;
    Ok(())
}

fn hidden_later_outside(world: &World, case: &str) -> Outcome {
    let child = world.start(case);
    let until = Instant::now() + Duration::from_secs(20);
    while !world.scene.tmp().join("ready").exists() && Instant::now() < until {
        sleep(Duration::from_millis(2));
    }
    let later = world.scene.outside().join("later");
    let _ = fs::remove_dir(&later);
    let made = fs::create_dir(&later).and_then(|()| fs::write(later.join("secret"), "canary"));
    let told = fs::write(world.scene.tmp().join("go"), "x");
    let (code, said) = finish(child);
    works("making it", made.and(told))?;
    holds(&format!("{code:?} {said}"), code == Some(0) && fs::read(later.join("secret")).is_ok_and(|s| s == b"canary"))
}

fn exit_code(world: &World) -> Outcome {
    let (code, said) = finish(world.start("the_exit_code_comes_through"));
    holds(&format!("{code:?} {said}"), code == Some(7))
}

/// A daemon that has left session, parent and descriptors behind and counts in a file.
const DAEMON: &str =
    "setsid sh -c '(while :; do date +%s%N > beat; sleep 0.02; done) >/dev/null 2>&1 </dev/null &' & wait";

fn daemon(_: &Scene) -> Outcome {
    shell(DAEMON)?;
    let until = Instant::now() + Duration::from_secs(5);
    while !Path::new("beat").exists() {
        holds("the daemon beats", Instant::now() < until)?;
        sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn daemon_then_exit(scene: &Scene, _: &Applied) -> Outcome {
    daemon(scene)
}

fn daemon_then_wait(scene: &Scene, _: &Applied) -> Outcome {
    daemon(scene)?;
    works("a sign", fs::write("ready", "x"))?;
    sleep(Duration::from_secs(30));
    Ok(())
}

fn daemon_then_wait_2(scene: &Scene, applied: &Applied) -> Outcome {
    daemon_then_wait(scene, applied)
}

/// The daemon's heart must have stopped.
fn is_dead(world: &World) -> Outcome {
    let beat = world.scene.worktree().join("beat");
    sleep(Duration::from_millis(200));
    let before = works("a beat", fs::read(&beat))?;
    sleep(Duration::from_millis(300));
    holds("the daemon is dead", works("a beat", fs::read(&beat))? == before)
}

fn await_ready(world: &World) -> Outcome {
    let until = Instant::now() + Duration::from_secs(10);
    while !world.scene.worktree().join("ready").exists() {
        holds("the worker got ready", Instant::now() < until)?;
        sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn daemon_after_exit(world: &World) -> Outcome {
    let (code, said) = finish(world.start("a32_a_daemon_ends_with_the_worker"));
    holds(&said, code == Some(0))?;
    is_dead(world)?;
    holds("the placeholder is gone", !world.scene.worktree().join(".ace").exists())
}

#[allow(clippy::zombie_processes)] // What is not waited for has failed the test already.
fn daemon_after_kill(world: &World) -> Outcome {
    let mut child = world.start("a32_a_daemon_ends_with_a_killed_leash");
    await_ready(world)?;
    works("a kill", child.kill())?;
    works("its end", child.wait())?;
    is_dead(world)
}

#[allow(clippy::zombie_processes)] // What is not waited for has failed the test already.
fn daemon_after_owner(world: &World) -> Outcome {
    let scene = serde_json::to_string(&world.scene).expect("json");
    let mut between = works(
        "a process between",
        Command::new("/proc/self/exe")
            .args(["--between", "p63_a_daemon_ends_with_a_killed_owner", &scene])
            .stdin(Stdio::null())
            .spawn(),
    )?;
    await_ready(world)?;
    works("a kill", between.kill())?;
    works("its end", between.wait())?;
    is_dead(world)
}

fn reader(scene: &Scene, applied: &Applied) -> Outcome {
    holds("landlock and seccomp", applied.holds(Layer::Landlock) && applied.holds(Layer::Seccomp))?;
    works("its files", fs::read(scene.outside().join("file")))?;
    refused("writing them", fs::write(scene.outside().join("file"), "x"))?;
    refused("other files", fs::read(scene.home().join(".ssh/id")))?;
    refused("the system", fs::read("/etc/passwd"))?;
    refused("a program", Command::new("/bin/true").status())?;
    refused("tcp", TcpStream::connect(("127.0.0.1", scene.tcp)))?;
    refused("udp", UdpSocket::bind("127.0.0.1:0"))?;
    signals_leave_not(scene, applied)?;
    // What a program does after it has confined itself.
    let thread = works("a thread", std::thread::Builder::new().spawn(|| ()))?;
    holds("it ends", thread.join().is_ok())?;
    works("writing to its output", std::io::Write::write_all(&mut std::io::stdout(), b"\n"))
}

fn signals_leave_not(scene: &Scene, applied: &Applied) -> Outcome {
    if applied.landlock_abi < 6 {
        return Ok(()); // Said in `gaps`.
    }
    // SAFETY: plain numbers.
    call_refused("a signal", i64::from(unsafe { libc::kill(scene.victim, libc::SIGKILL) }), None)
}

fn model(scene: &Scene, _: &Applied) -> Outcome {
    let mut stream = works("the network", TcpStream::connect(("127.0.0.1", scene.tcp)))?;
    works("sending", std::io::Write::write_all(&mut stream, b"x"))?;
    works("datagrams, for names", UdpSocket::bind("127.0.0.1:0"))?;
    refused("serving", TcpListener::bind("127.0.0.1:0"))?;
    works("blobs", fs::read(scene.outside().join("file")))?;
    works("names", fs::read("/etc/hosts"))?;
    works("a name", std::net::ToSocketAddrs::to_socket_addrs("localhost:80").map(drop))?;
    refused("a secret", fs::read(scene.home().join(".ssh/id")))?;
    refused("a program", Command::new("/bin/true").status())?;
    refused("a write", fs::write(scene.tmp().join("x"), "x"))
}

fn timing(world: &World) -> Outcome {
    let (mut whole, mut set_up) = (Vec::new(), Vec::new());
    for _ in 0..41 {
        let start = Instant::now();
        let (code, said) = finish(world.start("entering_is_quick"));
        whole.push(start.elapsed().as_micros() as u64);
        set_up.push(said.parse::<u64>().map_err(|error| format!("{code:?} {error}: {said}"))?);
    }
    whole.sort_unstable();
    set_up.sort_unstable();
    println!(
        "  entering: median {} µs, best {} µs; from start to end of a worker: median {} µs",
        set_up[20], set_up[0], whole[20]
    );
    // The mark is 5 ms; a debug build on a busy machine gets ten times that.
    holds(&format!("quick enough: {} µs", set_up[20]), set_up[20] < 50_000)
}

fn required(world: &World) -> Outcome {
    let (code, said) = finish(world.start("p37_a_required_layer_that_lacks_is_refused"));
    holds(&format!("{code:?} {said}"), code != Some(0) && said.contains("no user layer"))
}
