//! A seccomp program as the kernel likes it: a search tree over the numbers of system calls, with tests of arguments at its leaves.
//! When a filter is installed the kernel runs it once for every number there is, to learn which calls it need not be asked about
//! again; a chain of comparisons makes that the dearest step of a confinement. It knows no call and decides nothing.

use std::collections::BTreeMap;

use seccompiler::sock_filter;

/// A comparison of the low half of an argument: the kernel looks at no more of those that are tested here.
#[derive(Debug, Clone, Copy)]
pub(super) enum Test {
    /// The argument is this number.
    Is(u8, u32),
    /// It is another number.
    IsNot(u8, u32),
    /// Of these bits it has exactly those.
    Bits(u8, u32, u32),
}

/// What becomes of a call.
#[derive(Debug, Clone)]
pub(super) enum Verdict {
    /// It fails with this error.
    Fails(i32),
    /// It fails with this error if all tests of one of the rules hold.
    FailsIf(i32, Vec<Vec<Test>>),
}

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const MASK: u16 = 0x54; // BPF_ALU | BPF_AND | BPF_K
const JUMP: u16 = 0x05; // BPF_JMP | BPF_JA
const IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const IF_AT_LEAST: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

const ALLOW: u32 = 0x7fff_0000; // SECCOMP_RET_ALLOW
const ERRNO: u32 = 0x0005_0000; // SECCOMP_RET_ERRNO
const KILL: u32 = 0x8000_0000; // SECCOMP_RET_KILL_PROCESS

/// Offsets in `seccomp_data`, little-endian.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// On x86-64 the whole x32 table, in which every call has a second number, begins here; no other table reaches so far.
const X32: u32 = 0x4000_0000;

/// The `AUDIT_ARCH_*` of `linux/audit.h` for this build; `None` where nobody has looked at the layout of the arguments.
fn architecture() -> Option<u32> {
    match std::env::consts::ARCH {
        "x86_64" => Some(0xc000_003e),
        "aarch64" => Some(0xc000_00b7),
        "riscv64" => Some(0xc000_00f3),
        _ => None,
    }
}

fn step(code: u16, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

fn fails(error: i32) -> sock_filter {
    step(RETURN, 0, 0, ERRNO | error as u32)
}

/// The program that gives each call its verdict and allows all others; why there is none.
pub(super) fn assemble(verdicts: &BTreeMap<u32, Verdict>) -> Result<Vec<sock_filter>, String> {
    let arch = architecture().ok_or_else(|| format!("not known on {}", std::env::consts::ARCH))?;
    let mut program = vec![
        step(LOAD, 0, 0, ARCHITECTURE),
        step(IF_EQUAL, 1, 0, arch),
        step(RETURN, 0, 0, KILL),
        step(LOAD, 0, 0, NUMBER),
        step(IF_AT_LEAST, 0, 1, X32),
        fails(libc::ENOSYS),
    ];
    let calls: Vec<(u32, &Verdict)> = verdicts.iter().map(|(call, verdict)| (*call, verdict)).collect();
    program.extend(tree(&calls)?);
    Ok(program)
}

/// Halves the calls until one is left.
fn tree(calls: &[(u32, &Verdict)]) -> Result<Vec<sock_filter>, String> {
    match calls {
        [] => Ok(vec![step(RETURN, 0, 0, ALLOW)]),
        [(call, verdict)] => {
            let mut leaf = vec![step(IF_EQUAL, 1, 0, *call), step(RETURN, 0, 0, ALLOW)];
            leaf.extend(judge(verdict)?);
            Ok(leaf)
        }
        _ => {
            let (lower, upper) = calls.split_at(calls.len() / 2);
            let (below, above) = (tree(lower)?, tree(upper)?);
            let over = u32::try_from(below.len()).map_err(|e| e.to_string())?;
            // A conditional jump reaches no further than 255 steps.
            let mut program = vec![step(IF_AT_LEAST, 0, 1, upper[0].0), step(JUMP, 0, 0, over)];
            program.extend(below);
            program.extend(above);
            Ok(program)
        }
    }
}

fn judge(verdict: &Verdict) -> Result<Vec<sock_filter>, String> {
    let (error, rules) = match verdict {
        Verdict::Fails(error) => return Ok(vec![fails(*error)]),
        Verdict::FailsIf(error, rules) => (*error, rules),
    };
    let mut program = Vec::new();
    for rule in rules {
        let length = |test: &Test| if matches!(test, Test::Bits(..)) { 3 } else { 2 };
        let mut left: usize = rule.iter().map(length).sum();
        for test in rule {
            left -= length(test);
            // To the next rule: over the rest of this one and its end.
            let over = u8::try_from(left + 1).map_err(|e| e.to_string())?;
            let (Test::Is(argument, _) | Test::IsNot(argument, _) | Test::Bits(argument, ..)) = *test;
            program.push(step(LOAD, 0, 0, ARGUMENTS + 8 * u32::from(argument)));
            match *test {
                Test::Is(_, value) => program.push(step(IF_EQUAL, 0, over, value)),
                Test::IsNot(_, value) => program.push(step(IF_EQUAL, over, 0, value)),
                Test::Bits(_, mask, value) => {
                    program.extend([step(MASK, 0, 0, mask), step(IF_EQUAL, 0, over, value)]);
                }
            }
        }
        program.push(fails(error));
    }
    program.push(step(RETURN, 0, 0, ALLOW));
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a program as the kernel does: what it answers, and after how many steps.
    fn run(program: &[sock_filter], call: u32, arguments: [u32; 2]) -> (u32, usize) {
        let (mut at, mut held, mut steps) = (0, 0, 0);
        loop {
            let step = &program[at];
            (at, steps) = (at + 1, steps + 1);
            let choose = |holds: bool| usize::from(if holds { step.jt } else { step.jf });
            match step.code {
                LOAD => {
                    held = match step.k {
                        NUMBER => call,
                        ARCHITECTURE => architecture().unwrap(),
                        offset => arguments[(offset - ARGUMENTS) as usize / 8],
                    }
                }
                MASK => held &= step.k,
                JUMP => at += step.k as usize,
                IF_EQUAL => at += choose(held == step.k),
                IF_AT_LEAST => at += choose(held >= step.k),
                RETURN => return (step.k, steps),
                other => panic!("{other}"),
            }
        }
    }

    #[test]
    fn every_call_finds_its_verdict_in_few_steps() {
        let mut verdicts: BTreeMap<u32, Verdict> = (0..120).map(|n| (n * 3, Verdict::Fails(n as i32 + 1))).collect();
        let rules = vec![vec![Test::Is(0, 7), Test::IsNot(1, 8)], vec![Test::Bits(1, 0xf0, 0x30)]];
        verdicts.insert(100, Verdict::FailsIf(99, rules));
        let program = assemble(&verdicts).expect("a program");
        for call in 0..500 {
            let expected = match call {
                _ if call % 3 == 0 && call < 360 => ERRNO | (call / 3 + 1),
                _ => ALLOW,
            };
            let (answer, steps) = run(&program, call, [0, 0]);
            assert_eq!(answer, expected, "call {call}");
            assert!(steps < 32, "{steps} steps for call {call}");
        }
        assert_eq!(run(&program, X32, [0, 0]).0, ERRNO | libc::ENOSYS as u32);
        for (arguments, denied) in
            [([7, 9], true), ([7, 8], false), ([6, 9], false), ([0, 0x3f], true), ([0, 0x7f], false), ([7, 0x38], true)]
        {
            let (answer, _) = run(&program, 100, arguments);
            assert_eq!(answer == ERRNO | 99, denied, "{arguments:?}");
        }
        assert_eq!(run(&assemble(&BTreeMap::new()).expect("a program"), 5, [0, 0]).0, ALLOW);
    }
}
