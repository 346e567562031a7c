//! The seccomp layer: system calls that tools do not need and attacks do. A list of denials, because builds use nearly
//! everything; a denied call answers EPERM, so that programs fall back instead of dying.

use std::collections::BTreeMap;

use seccompiler::{
    SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
    apply_filter, sock_filter,
};

use crate::{Applied, Layer, Network, Profile};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

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
const TERMINAL_INPUT: [u64; 2] = [0x5412 /* TIOCSTI */, 0x541c /* TIOCLINUX */];

/// The kind of a socket without its flags.
const KIND_MASK: u64 = 0xf;
/// `SOCK_PACKET`, under which packet sockets could once be had from any domain.
const OLD_PACKET: i32 = 10;

/// Applies the layer. A kernel without seccomp is a lack.
pub(super) fn install(profile: &Profile, applied: &mut Applied) {
    match build(profile, applied) {
        Ok(filters) => {
            for filter in filters {
                if let Err(error) = apply_filter(&filter) {
                    applied.lack(Layer::Seccomp, error);
                    return;
                }
            }
            applied.held.insert(Layer::Seccomp);
        }
        Err(why) => applied.lack(Layer::Seccomp, why),
    }
}

fn build(profile: &Profile, applied: &Applied) -> Result<[Vec<sock_filter>; 2], String> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|error| error.to_string())?;
    let rules = rules(profile, applied).map_err(|error| error.to_string())?;
    let denied = SeccompAction::Errno(libc::EPERM as u32);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, denied, arch).map_err(|error| error.to_string())?;
    let filter: Vec<sock_filter> = filter.try_into().map_err(|error: seccompiler::BackendError| error.to_string())?;
    Ok([unknown_calls(), filter])
}

/// Calls that are to look as if the kernel had none: `clone3`, whose flags lie in memory where no filter sees them (libraries
/// then use `clone`), and on x86-64 the whole x32 table, in which every number above would have a second name.
fn unknown_calls() -> Vec<sock_filter> {
    const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
    const IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    const IF_AT_LEAST: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
    const RETURN: u16 = 0x06; // BPF_RET | BPF_K
    const X32: u32 = 0x4000_0000;
    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    let absent = 0x0005_0000 | libc::ENOSYS as u32; // SECCOMP_RET_ERRNO
    vec![
        step(LOAD, 0, 0, 0), // the number of the call
        step(IF_EQUAL, 2, 0, libc::SYS_clone3 as u32),
        step(IF_AT_LEAST, 1, 0, X32),
        step(RETURN, 0, 0, 0x7fff_0000), // SECCOMP_RET_ALLOW
        step(RETURN, 0, 0, absent),
    ]
}

fn rules(profile: &Profile, applied: &Applied) -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = DENIED.iter().chain(DENIED_HERE).map(|call| (*call, Vec::new())).collect();
    let mut deny = |call: i64, conditions: Vec<SeccompCondition>| {
        let rule = SeccompRule::new(conditions)?;
        rules.entry(call).or_default().push(rule);
        Ok::<(), seccompiler::BackendError>(())
    };
    for flag in CLONE_NEW {
        deny(libc::SYS_clone, vec![has_bit(flag)?])?;
        deny(libc::SYS_unshare, vec![has_bit(flag)?])?;
    }
    deny(libc::SYS_unshare, vec![has_bit(CLONE_NEWTIME)?])?;
    for request in TERMINAL_INPUT {
        deny(libc::SYS_ioctl, vec![argument(1, SeccompCmpOp::Eq, request)?])?;
    }
    // A domain is refused unless it differs from none of the open ones.
    let others = |open: &[i32]| {
        open.iter().map(|domain| argument(0, SeccompCmpOp::Ne, *domain as u64)).collect::<Result<Vec<_>, _>>()
    };
    let kind = |kind: i32| argument(1, SeccompCmpOp::MaskedEq(KIND_MASK), kind as u64);
    let open = open_domains(profile, applied);
    if open.is_empty() {
        rules.insert(libc::SYS_socket, Vec::new());
    } else {
        deny(libc::SYS_socket, others(&open)?)?;
        for raw in [libc::SOCK_RAW, OLD_PACKET] {
            deny(libc::SYS_socket, vec![kind(raw)?])?;
        }
    }
    let mut deny = |call: i64, conditions: Vec<SeccompCondition>| {
        rules.entry(call).or_default().push(SeccompRule::new(conditions)?);
        Ok::<(), seccompiler::BackendError>(())
    };
    deny(libc::SYS_socketpair, others(&[libc::AF_UNIX])?)?;
    if !profile.unix_sockets {
        // One end of such a pair can be pointed at any daemon's socket.
        deny(libc::SYS_socketpair, vec![kind(libc::SOCK_DGRAM)?])?;
    }
    if !profile.hosts {
        rules.insert(libc::SYS_execve, Vec::new());
        rules.insert(libc::SYS_execveat, Vec::new());
    }
    Ok(rules)
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

/// Compares the low half of an argument: the kernel looks at no more of these, so a filter must not either.
fn argument(index: u8, op: SeccompCmpOp, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(index, SeccompCmpArgLen::Dword, op, value)
}

fn has_bit(flag: i32) -> Result<SeccompCondition, seccompiler::BackendError> {
    let bit = u64::from(flag as u32);
    argument(0, SeccompCmpOp::MaskedEq(bit), bit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_compiles_and_stays_small() {
        let worker = Profile::worker(&crate::Worker::default());
        for profile in [Profile::reader(), Profile::model("/b".as_ref()), worker.clone(), worker.online()] {
            let filters = build(&profile, &Applied::default()).expect("a filter");
            assert!(filters[1].len() < 1000, "{} steps", filters[1].len());
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
