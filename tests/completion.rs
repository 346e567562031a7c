//! The committed completions in real shells: each program's commands are offered, and nothing hidden is.

use crate::generated::{completions, manual, root};
use crate::pages::there;
use std::process::Command;

fn shell(program: &str, args: &[&str]) -> String {
    let out =
        Command::new(program).args(args).env_clear().env("PATH", std::env::var("PATH").unwrap()).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success() && said.is_empty(), "{program}: {said}");
    String::from_utf8(out.stdout).unwrap()
}

/// What bash offers behind these words; the last one is being typed.
fn bash(program: &str, words: &[&str]) -> Vec<String> {
    let file = root(&completions::shells(program)[0].1);
    let (last, before) = (words[words.len() - 1], words[words.len() - 2]);
    let list = words.iter().map(|w| format!("'{w}'")).collect::<Vec<_>>().join(" ");
    let script = format!(
        "source '{}'; f=$(complete -p {program}); f=${{f#*-F }}; f=${{f%% *}}; COMP_WORDS=({list}); COMP_CWORD={}; \"$f\" {program} '{last}' '{before}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        file.display(),
        words.len() - 1
    );
    shell("bash", &["--norc", "-c", &script]).lines().map(str::to_owned).collect()
}

/// Commands of a program that people may see.
fn commands(program: &str) -> Vec<String> {
    let root = ace_cli::command(program).unwrap();
    root.get_subcommands().filter(|s| !s.is_hide_set()).map(|s| s.get_name().to_owned()).collect()
}

#[test]
fn bash_offers_every_command_and_nothing_hidden() {
    if !there("bash", "completions of bash") {
        return;
    }
    for row in manual::programs() {
        let offered = bash(row.name, &[row.name, ""]);
        for command in commands(row.name) {
            assert!(offered.contains(&command), "{}: no {command} in {offered:?}", row.name);
        }
        assert!(!offered.contains(&"worker".to_owned()), "{offered:?}");
        assert_eq!(offered.contains(&"--color".to_owned()), row.name == "ace", "{}: {offered:?}", row.name);
    }
    let verbs = bash("ace", &["ace", ""]);
    for verb in ["diff", "land", "allow", "resume"] {
        assert!(verbs.contains(&verb.to_owned()), "{verbs:?}");
    }
    assert_eq!(bash("ace-log", &["ace-log", "fol"]), ["follow"]);
    assert_eq!(bash("ace", &["ace", "run", "--mode", ""]), ["plan", "ask", "edit", "auto"]);
    assert!(bash("ace", &["ace", "diff", "--st"]).contains(&"--stat".to_owned()));
}

#[test]
fn fish_offers_every_command() {
    if !there("fish", "completions of fish") {
        return;
    }
    for row in manual::programs() {
        let file = root(&completions::shells(row.name)[2].1);
        let script = format!("source '{}'; complete -C '{} '", file.display(), row.name);
        let said = shell("fish", &["--no-config", "-c", &script]);
        let offered: Vec<&str> = said.lines().filter_map(|l| l.split('\t').next()).collect();
        for command in commands(row.name) {
            assert!(offered.contains(&command.as_str()), "{}: no {command} in {offered:?}", row.name);
        }
    }
}

#[test]
fn zsh_reads_them() {
    if !there("zsh", "completions of zsh") {
        return;
    }
    for row in manual::programs() {
        let file = root(&completions::shells(row.name)[1].1);
        shell("zsh", &["-fn", &file.display().to_string()]);
        let folder = file.parent().unwrap().display().to_string();
        let script = format!(
            "fpath=('{folder}' $fpath); autoload -Uz compinit && compinit -D -u && print -r -- $_comps[{}]",
            row.name
        );
        assert_eq!(shell("zsh", &["-fc", &script]), format!("_{}\n", row.name));
    }
}
