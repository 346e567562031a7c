//! The seccomp layer: system calls that tools do not need and attacks do. A list of denials, because builds use nearly
//! everything; a denied call answers EPERM, so that programs fall back instead of dying.

use std::collections::BTreeMap;

use seccompiler::apply_filter;

use super::program::{self, Test, Verdict};
use crate::{Applied, Layer, Network, Profile};

/// Denied whatever their arguments: the kernel's switches, other processes' memory, mounts and namespaces, keys, and the
/// second ways round a filter (io_uring, handles).
const DENIED: &[i64] = &[
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_setns,
    libc::SYS_open_by_handle_at,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_fanotify_init,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_vhangup,
    libc::SYS_nfsservctl,
    libc::SYS_lookup_dcookie,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    // open_tree_attr, which libc does not name yet (Linux 6.15).
    467,
];

/// Port input and output and old module calls, on the one machine that has them.
#[cfg(target_arch = "x86_64")]
const DENIED_HERE: &[i64] =
    &[libc::SYS_iopl, libc::SYS_ioperm, libc::SYS_modify_ldt, libc::SYS_uselib, libc::SYS__sysctl];
#[cfg(not(target_arch = "x86_64"))]
const DENIED_HERE: &[i64] = &[];

/// Every flag that makes a namespace; `CLONE_NEWTIME` only `unshare` takes, in `clone` its bit belongs to the exit signal.
const CLONE_NEW: [i32; 7] = [
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];
const CLONE_NEWTIME: i32 = 0x80;

/// Pushes typed characters into a terminal: the way out of a shared one.
const TERMINAL_INPUT: [u32; 2] = [0x5412 /* TIOCSTI */, 0x541c /* TIOCLINUX */];

/// The kind of a socket without its flags.
const KIND_MASK: u32 = 0xf;
/// `SOCK_PACKET`, under which packet sockets could once be had from any domain.
const OLD_PACKET: i32 = 10;

/// Applies the layer. A kernel without seccomp is a lack.
pub(super) fn install(profile: &Profile, applied: &mut Applied) {
    let program = program::assemble(&verdicts(profile, applied));
    match program.and_then(|program| apply_filter(&program).map_err(|error| error.to_string())) {
        Ok(()) => {
            applied.held.insert(Layer::Seccomp);
        }
        Err(why) => applied.lack(Layer::Seccomp, why),
    }
}

fn verdicts(profile: &Profile, applied: &Applied) -> BTreeMap<u32, Verdict> {
    let denied = || Verdict::Fails(libc::EPERM);
    let denied_if = |rules| Verdict::FailsIf(libc::EPERM, rules);
    let has = |flag: i32| vec![Test::Bits(0, flag as u32, flag as u32)];
    let mut all: BTreeMap<i64, Verdict> = DENIED.iter().chain(DENIED_HERE).map(|call| (*call, denied())).collect();
    // Its flags lie in memory where no filter sees them; libraries that find no such call use `clone`.
    all.insert(libc::SYS_clone3, Verdict::Fails(libc::ENOSYS));
    all.insert(libc::SYS_clone, denied_if(CLONE_NEW.map(has).into()));
    all.insert(libc::SYS_unshare, denied_if(CLONE_NEW.into_iter().chain([CLONE_NEWTIME]).map(has).collect()));
    all.insert(libc::SYS_ioctl, denied_if(TERMINAL_INPUT.map(|request| vec![Test::Is(1, request)]).into()));
    // A domain is refused unless it differs from none of the open ones.
    let others = |open: &[i32]| open.iter().map(|domain| Test::IsNot(0, *domain as u32)).collect::<Vec<_>>();
    let kind = |kind: i32| vec![Test::Bits(1, KIND_MASK, kind as u32)];
    let open = open_domains(profile, applied);
    let sockets = match open.is_empty() {
        true => denied(),
        false => denied_if(vec![others(&open), kind(libc::SOCK_RAW), kind(OLD_PACKET)]),
    };
    all.insert(libc::SYS_socket, sockets);
    let mut pairs = vec![others(&[libc::AF_UNIX])];
    if !profile.unix_sockets {
        // One end of such a pair can be pointed at any daemon's socket.
        pairs.push(kind(libc::SOCK_DGRAM));
    }
    all.insert(libc::SYS_socketpair, denied_if(pairs));
    if !profile.hosts {
        all.insert(libc::SYS_execve, denied());
        all.insert(libc::SYS_execveat, denied());
    }
    all.into_iter().filter_map(|(call, verdict)| Some((u32::try_from(call).ok()?, verdict))).collect()
}

/// The socket domains that may be opened. Never netlink, packet, vsock, and no protocol nobody asked for.
fn open_domains(profile: &Profile, applied: &Applied) -> Vec<i32> {
    let mut open = Vec::new();
    let inet = match profile.network {
        Network::None => false,
        Network::Loopback => applied.holds(Layer::Net),
        Network::Full => true,
    };
    if inet {
        open.extend([libc::AF_INET, libc::AF_INET6]);
    }
    if profile.unix_sockets {
        open.push(libc::AF_UNIX);
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_compiles_and_stays_small() {
        let worker = Profile::worker(&crate::Worker::default());
        for profile in [Profile::reader(), Profile::model("/b".as_ref()), worker.clone(), worker.online()] {
            let filter = program::assemble(&verdicts(&profile, &Applied::default())).expect("a filter");
            assert!(filter.len() < 1000, "{} steps", filter.len());
        }
    }

    #[test]
    fn a_loopback_without_a_namespace_of_its_own_is_no_network() {
        let worker = Profile::worker(&crate::Worker::default());
        let mut applied = Applied::default();
        assert!(open_domains(&worker, &applied).is_empty());
        applied.held.insert(Layer::Net);
        assert_eq!(open_domains(&worker, &applied), [libc::AF_INET, libc::AF_INET6]);
    }
}
