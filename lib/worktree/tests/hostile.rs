//! Repositories and worktrees that want to run something, or to point somewhere else.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use ace_worktree::{Carry, Error, Force, Ground, How, Lens, Pool, Verdict, commit_all, create, diff, list, remove};

use crate::fixture::*;

/// A program that leaves a trace; every setting that could start one starts it.
struct Canary(PathBuf);

impl Canary {
    fn settle(fixture: &Fixture) -> Self {
        let bird = fixture.home.path().canonicalize().unwrap().join("canary");
        let script = bird.with_extension("sh");
        write(&script, format!("#!/bin/sh\necho \"$0 $*\" >> {}\nexec cat\n", bird.display()));
        let runs = |path: &std::path::Path| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        runs(&script);
        let run = script.to_str().unwrap();
        for key in [
            "core.fsmonitor",
            "core.pager",
            "core.editor",
            "core.sshCommand",
            "core.askPass",
            "diff.external",
            "diff.evil.command",
            "diff.evil.textconv",
            "filter.evil.clean",
            "filter.evil.smudge",
            "merge.evil.driver",
            "gpg.program",
            "alias.status",
            "alias.merge",
            "uploadpack.packObjectsHook",
            "credential.helper",
            "gc.recentObjectsHook",
            "core.alternateRefsCommand",
            "sequence.editor",
            "interactive.diffFilter",
        ] {
            fixture.git(&["config", key, run]);
        }
        fixture.git(&["config", "filter.evil.required", "true"]);
        fixture.git(&["config", "merge.default", "evil"]);
        fixture.git(&["config", "merge.verifySignatures", "true"]);
        fixture.git(&["config", "commit.gpgSign", "true"]);
        fixture.git(&["config", "core.hooksPath", fixture.home.path().join("hooks").to_str().unwrap()]);
        for hook in [
            "post-checkout",
            "post-merge",
            "pre-commit",
            "post-commit",
            "commit-msg",
            "prepare-commit-msg",
            "reference-transaction",
            "post-index-change",
            "pre-merge-commit",
            "pre-auto-gc",
        ] {
            let path = fixture.home.path().join("hooks").join(hook);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::copy(&script, &path).unwrap();
            let path = fixture.root().join(".git/hooks").join(hook);
            std::fs::copy(&script, &path).unwrap();
        }
        write(&fixture.root().join(".git/info/attributes"), "* filter=evil diff=evil merge=evil\n");
        Self(bird)
    }

    /// What ran since the last look.
    fn sang(&self) -> String {
        let sang = std::fs::read_to_string(&self.0).unwrap_or_default();
        let _ = std::fs::remove_file(&self.0);
        sang
    }
}

fn poisoned() -> (Fixture, Canary) {
    let fixture = Fixture::new();
    fixture.write(".gitattributes", "* filter=evil diff=evil merge=evil\n");
    fixture.commit("attributes");
    let canary = Canary::settle(&fixture);
    (fixture, canary)
}

#[test]
fn a22_the_canary_sings_when_git_is_used_carelessly() {
    let (fixture, canary) = poisoned();
    fixture.write("a.txt", "changed\n");
    run(&fixture.root(), &["status"]);
    assert_ne!(canary.sang(), "");
    run(&fixture.root(), &["diff"]);
    assert_ne!(canary.sang(), "");
    run(&fixture.root(), &["worktree", "add", fixture.place("x").to_str().unwrap()]);
    assert_ne!(canary.sang(), "");
}

#[test]
fn a22_nothing_a_repository_names_is_ever_started() {
    let (fixture, canary) = poisoned();
    let repo = fixture.open();
    repo.root_commit().unwrap();
    fixture.write("carried", "c\n");
    fixture.write("a.txt", "carried too\n");
    repo.changed().unwrap();
    let made = create(&repo, "x", &fixture.place("x"), None, Carry::Bring).unwrap();
    assert_eq!(canary.sang(), "");
    write(&made.place.path.join("run.sh"), "changed\n");
    write(&made.place.path.join("binary"), b"\0\0");
    write(&made.place.path.join(".gitattributes"), "* filter=evil diff=evil merge=evil\n");
    diff(&made.place, &made.base_commit).unwrap();
    assert_eq!(canary.sang(), "");
    std::fs::remove_file(made.place.path.join(".gitattributes")).unwrap();
    commit_all(&made.place, "m", &uma()).unwrap().unwrap();
    assert_eq!(canary.sang(), "");
    list(&repo).unwrap();
    prune(&repo, |_| true, |_| false, true).unwrap();
    remove(&repo, &made.place.path, Force::Yes).unwrap();
    assert_eq!(canary.sang(), "");
}

#[test]
fn a22_moving_forward_starts_nothing_and_a_merge_only_the_users_hooks() {
    let (fixture, canary) = poisoned();
    let made = fixture.create("x");
    write(&made.place.path.join("new"), "n\n");
    let landed = land_as(&fixture.open(), &made.place, How::Merge, "m").unwrap();
    assert!(landed.fast_forward);
    assert_eq!(canary.sang(), "");
    assert_eq!(std::fs::read_to_string(fixture.root().join("new")).unwrap(), "n\n");

    for how in [How::Merge, How::Squash] {
        write(&made.place.path.join("a.txt"), format!("{how:?}\ntwo\nthree\n"));
        fixture.write("other", format!("{how:?}\n"));
        for setting in ["commit.gpgSign", "core.fsmonitor"] {
            run(&fixture.root(), &["config", setting, "false"]);
        }
        git(
            &fixture.root(),
            &[
                "-c",
                "core.hooksPath=/dev/null",
                "-c",
                "filter.evil.clean=",
                "-c",
                "filter.evil.required=false",
                "add",
                "other",
            ],
        );
        git(
            &fixture.root(),
            &[
                "-c",
                "core.hooksPath=/dev/null",
                "-c",
                "filter.evil.clean=",
                "-c",
                "filter.evil.required=false",
                "commit",
                "-qm",
                "o",
            ],
        );
        canary.sang();
        land_as(&fixture.open(), &made.place, how, "m").unwrap();
        let sang = canary.sang();
        assert!(sang.lines().all(|line| line.contains("/hooks/")), "{sang}");
        assert_ne!(sang, "", "the user's own hooks are meant to run");
    }
}

/// The state of a worktree is stored and brought back without anything of the repository's being started, or written to it.
#[test]
fn a22_looking_and_going_back_start_nothing() {
    let (fixture, canary) = poisoned();
    let made = fixture.create("x");
    canary.sang();
    let ground = Ground::of(&made.place).unwrap();
    let pool = Pool::open(&fixture.home.path().join("pools"), &ground.common_dir).unwrap();
    let mut lens = Lens::open(&pool, &ground, None).unwrap();
    let base = lens.look().unwrap().tree;
    write(&made.place.path.join("a.txt"), "changed\n");
    write(&made.place.path.join("new/.gitattributes"), "* filter=evil diff=evil merge=evil\n");
    write(&made.place.path.join("new/file"), "n\n");
    let config = std::fs::read_to_string(fixture.root().join(".git/config")).unwrap();
    // The same settings in the pool itself: whoever could write there finds nothing that reads them.
    let pools = fixture.home.path().join("pools");
    let own = std::fs::read_dir(&pools).unwrap().next().unwrap().unwrap().path().join("config");
    std::fs::write(&own, std::fs::read_to_string(&own).unwrap() + &config).unwrap();
    let mut lens = Lens::open(&pool, &ground, Some(&base)).unwrap();
    let full = lens.look().unwrap().tree;
    pool.diff(&base, &full).unwrap();
    lens.restore(&base).unwrap();
    lens.restore(&full).unwrap();
    assert_eq!(canary.sang(), "");
    assert_eq!(std::fs::read_to_string(made.place.path.join("a.txt")).unwrap(), "changed\n");
}

/// A worktree whose links were rewritten is not looked at.
#[test]
fn a23_no_state_is_taken_through_a_rewritten_link() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    let evil = fixture.home.path().join("evil");
    std::fs::create_dir(&evil).unwrap();
    git(&evil, &["init", "-q"]);
    std::fs::write(made.place.path.join(".git"), format!("gitdir: {}/.git\n", evil.display())).unwrap();
    assert!(matches!(Ground::of(&made.place), Err(Error::PointerChanged { .. })));
}

/// A state may hold names that lead into a git folder only if somebody forged it: git's own library refuses to write them.
#[test]
fn a24_a_forged_state_writes_into_no_git_folder() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    let ground = Ground::of(&made.place).unwrap();
    let pools = fixture.home.path().join("pools");
    let pool = Pool::open(&pools, &ground.common_dir).unwrap();
    let own = std::fs::read_dir(&pools).unwrap().next().unwrap().unwrap().path();
    let blob = git(&fixture.root(), &["rev-parse", "HEAD:run.sh"]).trim().to_owned();
    for name in [".git", "..", ".GIT", "."] {
        let inner = mktree(&own, &format!("100755 blob {blob}\tpost-checkout\0"));
        let forged = mktree(&own, &format!("040000 tree {inner}\t{name}\0"));
        let mut lens = Lens::open(&pool, &ground, None).unwrap();
        let before = walk(&fixture.root().join(".git")).len() + walk(fixture.home.path()).len();
        let link = std::fs::read(made.place.path.join(".git")).unwrap();
        assert!(lens.restore(&forged).is_err(), "{name}");
        assert_eq!(std::fs::read(made.place.path.join(".git")).unwrap(), link, "{name}");
        assert_eq!(walk(&fixture.root().join(".git")).len() + walk(fixture.home.path()).len(), before, "{name}");
    }
}

/// A tree of whatever entries, without a check.
fn mktree(git_dir: &std::path::Path, entries: &str) -> String {
    use std::io::Write;
    // `git mktree` refuses some of these names; `hash-object --literally` refuses none.
    let mut raw = Vec::new();
    for entry in entries.split_terminator('\0') {
        let (head, name) = entry.split_once('\t').unwrap();
        let (mode, rest) = head.split_once(' ').unwrap();
        let id = rest.split_once(' ').unwrap().1;
        raw.extend(format!("{} {name}\0", mode.trim_start_matches('0')).bytes());
        raw.extend((0..20).map(|n| u8::from_str_radix(&id[2 * n..2 * n + 2], 16).unwrap()));
    }
    let mut child = std::process::Command::new("git")
        .arg("--git-dir")
        .arg(git_dir)
        .args(["hash-object", "-t", "tree", "-w", "--stdin", "--literally"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&raw).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
}

#[test]
fn a22_a_filter_with_an_odd_name_is_switched_off_too() {
    let (fixture, canary) = poisoned();
    let script = canary.0.with_extension("sh");
    fixture.git(&["config", "filter.e=v.i.smudge", script.to_str().unwrap()]);
    write(&fixture.root().join(".git/info/attributes"), "* filter=e=v.i\n");
    let made = fixture.create("x");
    write(&made.place.path.join("new"), "n\n");
    land_as(&fixture.open(), &made.place, How::Merge, "m").unwrap();
    assert_eq!(canary.sang(), "");
}

/// Every way to rewrite the links of a worktree.
#[test]
fn a23_a_rewritten_link_is_reported_and_never_followed() {
    let rewrites: [fn(&ace_worktree::Place, &std::path::Path); 6] = [
        |place, evil| std::fs::write(place.path.join(".git"), format!("gitdir: {}\n", evil.display())).unwrap(),
        |place, evil| {
            std::fs::remove_file(place.path.join(".git")).unwrap();
            std::os::unix::fs::symlink(evil, place.path.join(".git")).unwrap();
        },
        |place, _| std::fs::remove_file(place.path.join(".git")).unwrap(),
        |place, evil| std::fs::write(place.git_dir.join("commondir"), format!("{}\n", evil.display())).unwrap(),
        |place, evil| {
            std::fs::remove_dir_all(&place.path).unwrap();
            std::os::unix::fs::symlink(evil.parent().unwrap(), &place.path).unwrap();
        },
        |place, _| {
            std::fs::remove_file(place.path.join(".git")).unwrap();
            git(&place.path, &["init", "-q"]);
        },
    ];
    for (n, rewrite) in rewrites.iter().enumerate() {
        let fixture = Fixture::new();
        let made = fixture.create("x");
        let evil = fixture.home.path().canonicalize().unwrap().join("evil/.git");
        std::fs::create_dir(evil.parent().unwrap()).unwrap();
        git(evil.parent().unwrap(), &["init", "-q"]);
        write(&evil.parent().unwrap().join("precious"), "p");
        rewrite(&made.place, &evil);
        let changed = |what: &str, error: Option<Error>| {
            assert!(matches!(error, Some(Error::PointerChanged { .. })), "{n} {what}: {error:?}");
        };
        changed("diff", diff(&made.place, &made.base_commit).err());
        changed("commit", commit_all(&made.place, "m", &uma()).err());
        changed("land", land_as(&fixture.open(), &made.place, How::Merge, "m").err());
        changed(
            "remove",
            remove(&fixture.open(), &made.place.path, Force::Yes).err().map(|error| match error {
                // Through a link the path is another one, and no worktree of ours is there.
                Error::NoWorktree { .. } if n == 4 => Error::PointerChanged { path: PathBuf::new() },
                error => error,
            }),
        );
        let listed = list(&fixture.open()).unwrap();
        assert!(listed[0].pointer_changed, "{n}");
        let pruned = prune(&fixture.open(), |_| true, |_| true, false).unwrap();
        assert_eq!(pruned[0].verdict, Verdict::PointerChanged, "{n}");
        assert!(evil.parent().unwrap().join("precious").exists());
        assert!(made.place.path.symlink_metadata().is_ok(), "{n}: it is left as it is");
    }
}

#[test]
fn a23_a_back_link_that_points_elsewhere_is_not_removed_through() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    let precious = fixture.home.path().canonicalize().unwrap().join("precious");
    write(&precious.join("file"), "p");
    std::fs::write(made.place.git_dir.join("gitdir"), format!("{}/.git\n", precious.display())).unwrap();
    assert!(matches!(diff(&made.place, &made.base_commit), Err(Error::PointerChanged { .. })));
    let listed = list(&fixture.open()).unwrap();
    assert!(listed[0].pointer_changed);
    assert!(remove(&fixture.open(), &precious, Force::Yes).is_err());
    prune(&fixture.open(), |_| true, |_| true, false).unwrap();
    assert!(precious.join("file").exists());
}

#[test]
fn a23_a_link_in_the_work_tree_leads_nowhere() {
    let fixture = Fixture::new();
    let outside = fixture.home.path().canonicalize().unwrap().join("outside");
    write(&outside.join("lib.rs"), "secret\n");
    let made = fixture.create("x");
    std::fs::remove_dir_all(made.place.path.join("src")).unwrap();
    std::os::unix::fs::symlink(&outside, made.place.path.join("src")).unwrap();
    let diff = diff(&made.place, &made.base_commit).unwrap();
    assert!(!String::from_utf8_lossy(&diff.patch).contains("secret"));
    commit_all(&made.place, "m", &uma()).unwrap().unwrap();
    let tree = git(&made.place.path, &["ls-tree", "-r", "HEAD"]);
    assert!(tree.contains("120000") && tree.contains("\tsrc\n") && !tree.contains("src/lib.rs"), "{tree}");
    remove(&fixture.open(), &made.place.path, Force::Yes).unwrap();
    assert!(outside.join("lib.rs").exists());
}

#[test]
fn a23_p34_carrying_never_writes_through_a_link() {
    let fixture = Fixture::new();
    let outside = fixture.home.path().canonicalize().unwrap().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, fixture.root().join("dir")).unwrap();
    fixture.commit("a link");
    std::fs::remove_file(fixture.root().join("dir")).unwrap();
    fixture.write("dir/file", "inside\n");
    let made = create(&fixture.open(), "x", &fixture.place("x"), None, Carry::Bring).unwrap();
    assert_eq!(std::fs::read_to_string(made.place.path.join("dir/file")).unwrap(), "inside\n");
    assert!(!outside.join("file").exists());
}

#[test]
fn a24_submodules_are_never_entered() {
    let (fixture, canary) = poisoned();
    // A submodule with a carriage return at the end of its path, checked out, with a hostile repository.
    let made = fixture.create("x");
    let sub = made.place.path.join("sub\r");
    std::fs::create_dir_all(&sub).unwrap();
    git(&sub, &["init", "-q"]);
    write(&sub.join("f"), "f");
    git(&sub, &["add", "-A"]);
    git(&sub, &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "s"]);
    let head = git(&sub, &["rev-parse", "HEAD"]);
    let script = canary.0.with_extension("sh");
    for key in ["core.fsmonitor", "filter.evil.clean", "filter.evil.process"] {
        git(&sub, &["config", key, script.to_str().unwrap()]);
    }
    write(&sub.join(".gitattributes"), "* filter=evil\n");
    write(&sub.join("f"), "changed");
    let cached = format!("160000,{},sub\r", head.trim());
    git(&made.place.path, &["-c", "core.hooksPath=/dev/null", "update-index", "--add", "--cacheinfo", &cached]);
    write(&made.place.path.join(".gitmodules"), "[submodule \"sub\"]\n\tnot a configuration\n\turl = ./sub\n");
    canary.sang();
    diff(&made.place, &made.base_commit).unwrap();
    commit_all(&made.place, "m", &uma()).unwrap().unwrap();
    list(&fixture.open()).unwrap();
    land_as(&fixture.open(), &made.place, How::Merge, "m").unwrap();
    let again = create(&fixture.open(), "y", &fixture.place("y"), Some("ace/x"), Carry::Leave).unwrap();
    assert_eq!(canary.sang(), "");
    assert!(!again.place.path.join("sub\r/f").exists());
}

#[test]
fn a24_a_tree_that_names_git_folders_is_refused_and_leaves_nothing() {
    let fixture = Fixture::new();
    let blob = fixture.git(&["hash-object", "-w", "a.txt"]);
    for name in [".git", ".GIT", "git~1", ".."] {
        // `mktree` takes any name; `git` itself would refuse to check it out.
        let input = fixture.home.path().join("tree");
        write(&input, format!("100644 blob {}\t{name}\n", blob.trim()));
        let tree = std::process::Command::new("git")
            .args(["mktree"])
            .current_dir(fixture.root())
            .stdin(std::fs::File::open(&input).unwrap())
            .output()
            .unwrap();
        let tree = String::from_utf8(tree.stdout).unwrap();
        let commit = fixture.git(&["commit-tree", "-m", "evil", tree.trim()]);
        let refused = create(&fixture.open(), "x", &fixture.place("x"), Some(commit.trim()), Carry::Leave);
        assert!(refused.is_err(), "{name}: {refused:?}");
        assert!(!fixture.place("x").exists());
        assert!(!fixture.git(&["branch"]).contains("ace"));
    }
}

/// Runs the named ignored test in a process of its own, with a hostile environment.
#[test]
fn a22_the_environment_is_not_believed() {
    let (fixture, canary) = poisoned();
    let script = canary.0.with_extension("sh");
    let out = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hostile::inner_with_a_hostile_environment", "--ignored", "--nocapture"])
        .env("FIXTURE", fixture.root())
        .env("GIT_DIR", "/nonexistent")
        .env("GIT_WORK_TREE", "/nonexistent")
        .env("GIT_INDEX_FILE", "/nonexistent")
        .env("GIT_OBJECT_DIRECTORY", "/nonexistent")
        .env("GIT_NAMESPACE", "elsewhere")
        .env("GIT_CONFIG_COUNT", "2")
        .env("GIT_CONFIG_KEY_0", "filter.evil.smudge")
        .env("GIT_CONFIG_VALUE_0", &script)
        .env("GIT_CONFIG_KEY_1", "core.fsmonitor")
        .env("GIT_CONFIG_VALUE_1", &script)
        .env("GIT_EXTERNAL_DIFF", &script)
        .env("GIT_SSH_COMMAND", &script)
        .env("BASH_ENV", &script)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && text.contains("1 passed"), "{text}");
    assert_eq!(canary.sang(), "");
    assert_eq!(porcelain_quietly(&fixture), "");
    assert!(fixture.root().join("new").exists());
}

/// `git status` with what the canary would sing at switched off.
fn porcelain_quietly(fixture: &Fixture) -> String {
    let off = ["core.fsmonitor=false", "core.hooksPath=/dev/null", "filter.evil.clean=", "filter.evil.required=false"];
    let mut args: Vec<&str> = off.iter().flat_map(|setting| ["-c", setting]).collect();
    args.extend(["status", "--porcelain"]);
    git(&fixture.root(), &args)
}

#[test]
#[ignore = "run by a22_the_environment_is_not_believed, in a process of its own"]
fn inner_with_a_hostile_environment() {
    let Some(root) = std::env::var_os("FIXTURE").map(PathBuf::from) else { return };
    let repo = ace_worktree::discover(&root).unwrap().unwrap();
    assert_eq!(repo.facts().root.as_ref(), Some(&root));
    let path = root.parent().unwrap().join("worktrees/env/repo");
    let made = create(&repo, "env", &path, None, Carry::Leave).unwrap();
    write(&made.place.path.join("new"), "n\n");
    assert_eq!(diff(&made.place, &made.base_commit).unwrap().files.len(), 1);
    land_as(&repo, &made.place, How::Merge, "m").unwrap();
    remove(&repo, &made.place.path, Force::No).unwrap();
}

#[test]
fn a22_a_changed_configuration_or_hook_changes_the_fingerprint() {
    let fixture = Fixture::new();
    let mut seen = vec![ace_worktree::fingerprint(&fixture.open()).unwrap()];
    assert_eq!(ace_worktree::fingerprint(&fixture.open()).unwrap(), seen[0]);
    let hook = fixture.root().join(".git/hooks/pre-commit");
    let changes: [&dyn Fn(); 4] = [
        &|| drop(fixture.git(&["config", "core.fsmonitor", "evil"])),
        &|| write(&hook, "#!/bin/sh\n"),
        &|| std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap(),
        &|| write(&fixture.root().join(".git/info/attributes"), "* filter=evil\n"),
    ];
    for change in changes {
        change();
        let now = ace_worktree::fingerprint(&fixture.open()).unwrap();
        assert!(!seen.contains(&now));
        seen.push(now);
    }
    write(&fixture.root().join(".git/hooks/update.sample"), "#!/bin/sh\n");
    fixture.write("a.txt", "work goes on\n");
    fixture.commit("more");
    assert_eq!(ace_worktree::fingerprint(&fixture.open()).unwrap(), *seen.last().unwrap());
}

#[test]
fn a22_what_changed_since_a_worktree_was_made_is_known() {
    let fixture = Fixture::new();
    let place = fixture.create("x").place;
    assert!(!ace_worktree::altered(&fixture.open(), &place).unwrap());
    fixture.write("a.txt", "work goes on\n");
    fixture.commit("more");
    let _ = fixture.create("y");
    assert!(!ace_worktree::altered(&fixture.open(), &place).unwrap(), "work is no change of that");
    for work in [["remote.origin.url", "https://example.org/x"], ["branch.main.remote", "origin"], ["user.name", "Uma"]]
    {
        fixture.git(&["config", work[0], work[1]]);
        assert!(!ace_worktree::altered(&fixture.open(), &place).unwrap(), "{work:?} is no change of that");
    }
    fixture.git(&["config", "remote.origin.url", "ext::sh -c evil"]);
    assert!(ace_worktree::altered(&fixture.open(), &place).unwrap());
    fixture.git(&["config", "--unset", "remote.origin.url"]);
    assert!(!ace_worktree::altered(&fixture.open(), &place).unwrap());
    fixture.git(&["config", "core.fsmonitor", "evil"]);
    assert!(ace_worktree::altered(&fixture.open(), &place).unwrap());
    assert!(!ace_worktree::altered(&fixture.open(), &fixture.create("z").place).unwrap());
}

#[test]
fn a22_no_program_at_all_is_needed_but_to_land() {
    let fixture = Fixture::new();
    let out = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hostile::inner_without_programs", "--ignored", "--nocapture"])
        .env_clear()
        .env("PATH", "/nonexistent")
        .env("FIXTURE", fixture.root())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "run by a22_no_program_at_all_is_needed_but_to_land, in a process of its own"]
fn inner_without_programs() {
    let Some(root) = std::env::var_os("FIXTURE").map(PathBuf::from) else { return };
    let repo = ace_worktree::discover(&root).unwrap().unwrap();
    let path = root.parent().unwrap().join("worktrees/env/repo");
    let made = create(&repo, "env", &path, None, Carry::Bring).unwrap();
    write(&made.place.path.join("new"), "n\n");
    assert_eq!(diff(&made.place, &made.base_commit).unwrap().files.len(), 1);
    commit_all(&made.place, "m", &uma()).unwrap().unwrap();
    assert_eq!(list(&repo).unwrap().len(), 1);
    assert_eq!(ace_worktree::user_identity(), None);
    match land_as(&repo, &made.place, How::Merge, "m") {
        Err(Error::Git { what: "start git", .. }) => {}
        other => panic!("{other:?}"),
    }
    remove(&repo, &made.place.path, Force::Yes).unwrap();
}

#[test]
fn a23_a_branch_that_is_another_name_for_the_users_is_not_moved() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    fixture.git(&["symbolic-ref", "refs/heads/ace/x", "refs/heads/main"]);
    write(&made.place.path.join("new"), "n\n");
    let refused = commit_all(&made.place, "m", &uma());
    assert!(matches!(&refused, Err(Error::ForeignHead { head }) if head == "main"), "{refused:?}");
    assert_eq!(fixture.git(&["rev-parse", "main"]).trim(), made.base_commit);
}
