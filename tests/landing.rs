//! The ways home and back: squash, rebase, patches, a pull request, what was deleted had back, and what happens when any of it is
//! killed in the middle.

use crate::suite::World;
use crate::travel::{STEPS, files, id, killed_everywhere, root, seq, turn, worked};
use serde_json::Value;
use std::path::Path;

/// A session `work` of two turns beside a commit of the user's own.
fn beside(text: &str) -> World {
    let world = worked(&STEPS[..1], &[]);
    std::fs::write(world.project().join("mine.txt"), text).unwrap();
    world.git(&["add", "-A"]);
    world.git(&["commit", "-qm", "my own"]);
    world
}

/// A PATH with `git`, a shell and what is put there: no `gh` of this machine.
fn bare_path(world: &mut World) -> std::path::PathBuf {
    let folder = world.path("bin");
    if !folder.exists() {
        std::fs::create_dir_all(&folder).unwrap();
        let path = std::env::var_os("PATH").unwrap();
        for name in ["git", "sh", "cat"] {
            let real = std::env::split_paths(&path).map(|f| f.join(name)).find(|f| f.exists()).unwrap();
            std::os::unix::fs::symlink(real, folder.join(name)).unwrap();
        }
    }
    world.env = vec![("PATH", folder.display().to_string())];
    folder
}

/// A program of that name on the PATH.
fn stand_in(world: &mut World, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    let file = bare_path(world).join(name);
    std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A real bare repository as `origin`, with main in it.
fn origin(world: &World) -> std::path::PathBuf {
    let far = world.path("far.git");
    world.git(&["init", "-q", "--bare", far.to_str().unwrap()]);
    world.git(&["remote", "add", "origin", far.to_str().unwrap()]);
    world.git(&["push", "-q", "-u", "origin", "main"]);
    far
}

fn in_repository(world: &World, folder: &Path, args: &[&str]) -> String {
    world.git(&[&["-C", folder.to_str().unwrap()], args].concat())
}

#[test]
fn squash_is_one_commit_with_a_message_by_template_and_the_trailer() {
    let world = beside("m\n");
    let head = world.log("@only").len();
    let message = "{name}: {prompt}\n\nby {model} on {branch}";
    world.run("ace", &["land", "work", "--squash", "-m", message]).ok();
    let said = world.git(&["log", "-1", "--format=%B"]);
    let trailer = format!("Ace-Session: {}@{head}", world.sessions()[0]);
    assert_eq!(said.trim_end(), format!("work: turn 1\n\nby test/scripted on ace/work\n\n{trailer}"));
    assert_eq!(world.git(&["log", "-2", "--format=%s"]), "work: turn 1\nmy own\n");
    assert_eq!(world.last("@only", "worktree.landed")["how"], "squash");
    let _ = world.run("ace", &["land", "work", "--squash"]).fails(1, &["nothing to land"]);
    let _ = world.run("ace", &["land", "work", "-m", "{what}"]).fails(2, &["no such field", "hint: {prompt}"]);
    // What has landed as another commit is not lost when its branch goes.
    let _ = world.run("ace", &["prune"]).done();
    assert!(!root(&world, "@only").exists());
}

#[test]
fn rebase_leaves_one_line_of_commits() {
    let world = beside("m\n");
    world.run("ace", &["land", "work", "--rebase"]).ok();
    assert_eq!(world.git(&["log", "--format=%s"]), "turn 1\nmy own\nfirst\n");
    assert!(world.git(&["log", "-1", "--format=%B"]).contains("\nAce-Session: "));
    assert_eq!(world.last("@only", "worktree.landed")["how"], "rebase");
    assert_eq!(world.git(&["status", "--porcelain"]), "");
    let _ = world.run("ace", &["land", "work", "--squash", "--rebase"]).fails(2, &[]);
}

#[test]
fn a_conflict_says_how_and_which_commit_of_yours() {
    let world = worked(&STEPS[..1], &[]);
    std::fs::write(world.project().join("a.txt"), "one\nmine\n").unwrap();
    std::fs::write(world.project().join("b.txt"), "mine\n").unwrap();
    world.git(&["add", "-A"]);
    world.git(&["commit", "-qm", "my own"]);
    let commit = world.git(&["rev-parse", "--short=7", "HEAD"]);
    let by = format!("yours in {} my own", commit.trim());
    let told = [format!("a.txt (the same lines, {by})"), format!("b.txt (add/add, {by})")];
    for how in ["--squash", "--rebase"] {
        let run = world.run("ace", &["land", "work", how]).fails(1, &["hint: nothing was changed"]);
        assert!(told.iter().all(|t| run.stderr.contains(t.as_str())), "{}", run.stderr);
    }
    assert_eq!(world.git(&["log", "-1", "--format=%s"]), "my own\n");
    assert_eq!(world.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_branch_with_its_patches_applies_elsewhere() {
    let world = worked(&STEPS[..1], &[]);
    let patch = world.run("ace", &["land", "work", "--branch", "--patch", "-"]).ok();
    assert!(patch.starts_with("From ") && patch.contains("Subject: [PATCH] turn 1"), "{patch}");
    std::fs::write(world.path("x.mbox"), patch).unwrap();
    let other = world.path("other");
    world.git(&["clone", "-q", ".", other.to_str().unwrap()]);
    for args in
        [&["config", "user.name", "Other"][..], &["config", "user.email", "o@example.org"], &["am", "-q", "../x.mbox"]]
    {
        in_repository(&world, &other, args);
    }
    assert_eq!(files(&other), ".gitignore=*.tmp|a.txt=onetwo|b.txt=b");
    assert_eq!(world.last("@only", "worktree.landed")["how"], "branch");
    assert_eq!(world.git(&["log", "-1", "--format=%s"]), "first\n", "main is where it was");
}

#[test]
fn a_pull_request_is_pushed_and_opened_by_the_users_own_program() {
    let mut world = worked(&STEPS[..1], &[]);
    bare_path(&mut world);
    let _ = world.run("ace", &["land", "work", "--pr"]).fails(1, &["neither gh nor glab is on the PATH"]);
    let told = world.path("told");
    let script = format!(
        "printf '%s\\n' \"$PWD\" \"$@\" > {0}; cat > {0}.body; echo https://example.org/uma/project/pull/7",
        told.display()
    );
    stand_in(&mut world, "gh", &script);
    let _ = world.run("ace", &["land", "work", "--pr"]).fails(1, &["there is no remote to push to"]);
    let far = origin(&world);
    let head = world.git(&["rev-parse", "main"]);
    let out = world.run("ace", &["land", "work", "--pr", "-m", "two: {prompt}"]).ok();
    assert_eq!(out, "https://example.org/uma/project/pull/7\n");
    let asked = std::fs::read_to_string(&told).unwrap();
    let expected = format!(
        "{}\npr\ncreate\n--head\nace/work\n--base\nmain\n--title\ntwo: turn 1\n--body-file\n-\n",
        world.project().display()
    );
    assert_eq!(asked, expected);
    let body = std::fs::read_to_string(world.path("told.body")).unwrap();
    assert!(
        body.starts_with("done\n\n### Checks\n") && body.contains("- `echo two >> a.txt; echo b > b.txt`: exit 0\n"),
        "{body}"
    );
    assert!(
        body.trim_end().ends_with(&format!("Ace-Session: {}@{}", world.sessions()[0], world.log("@only").len() - 1)),
        "{body}"
    );
    assert_eq!(in_repository(&world, &far, &["log", "-1", "--format=%s", "ace/work"]), "two: turn 1\n");
    assert_eq!(world.git(&["rev-parse", "main"]), head, "main is where it was");
    let landed = world.last("@only", "worktree.landed");
    assert_eq!((&landed["how"], &landed["into"]), (&"request".into(), &"main".into()));
    assert_eq!(landed["url"], "https://example.org/uma/project/pull/7");
    // More work, the same request: it says that it is there, and the push has brought it up to date.
    stand_in(
        &mut world,
        "gh",
        "echo 'a pull request already exists:' >&2; echo https://example.org/uma/project/pull/7 >&2; exit 1",
    );
    std::fs::write(root(&world, "@only").join("more.txt"), "more\n").unwrap();
    assert_eq!(world.run("ace", &["land", "work", "--pr"]).ok(), out);
    assert_eq!(in_repository(&world, &far, &["show", "ace/work:more.txt"]), "more\n");
    // And a program that refuses says why.
    stand_in(&mut world, "gh", "echo 'not logged in' >&2; exit 4");
    let _ = world
        .run("ace", &["land", "work", "--pr"])
        .fails(1, &["ace-worktree: gh: not logged in", "hint: ace/work is on origin"]);
}

#[test]
fn a_merge_request_goes_through_glab_and_never_through_a_program_of_the_repository() {
    let mut world =
        worked(&["mkdir -p bin; printf '#!/bin/sh\\necho evil > ../evil\\n' > bin/gh; chmod +x bin/gh"], &[]);
    let folder = root(&world, "@only").join("bin");
    let bare = bare_path(&mut world);
    world.env = vec![("PATH", format!("{}:{}", folder.display(), bare.display()))];
    let _ = world.run("ace", &["land", "work", "--pr"]).fails(1, &["neither gh nor glab"]);
    let told = world.path("told");
    stand_in(
        &mut world,
        "glab",
        &format!("printf '%s\\n' \"$@\" > {}; echo https://gitlab.example.org/mr/1", told.display()),
    );
    let far = origin(&world);
    assert_eq!(world.run("ace", &["land", "work", "--pr"]).ok(), "https://gitlab.example.org/mr/1\n");
    let asked = std::fs::read_to_string(told).unwrap();
    assert!(asked.starts_with("mr\ncreate\n--source-branch\nace/work\n--target-branch\nmain\n"), "{asked}");
    assert!(asked.contains("\n--yes\n") && asked.contains("Ace-Session: "), "{asked}");
    assert!(in_repository(&world, &far, &["branch"]).contains("ace/work"));
}

#[test]
fn the_files_of_a_moment_are_a_folder_and_a_worktree_can_begin_with_them() {
    let world = worked(&STEPS[..2], &[]);
    let at = seq(&world, "@only", "tool.completed", 0);
    let out = world.run("ace-worktree", &["at", &format!("work@{at}")]).ok();
    assert_eq!(out.trim(), world.project().join(format!("work@{at}")).to_str().unwrap());
    assert_eq!(files(Path::new(out.trim())), ".gitignore=*.tmp|a.txt=onetwo|b.txt=b");
    let _ = world.run("ace-worktree", &["at", &format!("work@{at}")]).fails(1, &["in use"]);
    let _ = world.run("ace-worktree", &["at", "work@999"]).fails(1, &["has no line 999"]);
    let last = world.run("ace-worktree", &["at", "work", "../last"]).ok();
    assert_eq!(files(Path::new(last.trim())), ".gitignore=*.tmp|b.txt=b|d/c.txt=c");
    let made = world.run("ace-worktree", &["create", "again", "--from", &format!("work@{at}")]).ok();
    assert_eq!(files(Path::new(made.trim())), ".gitignore=*.tmp|a.txt=onetwo|b.txt=b");
    assert_eq!(in_repository(&world, Path::new(made.trim()), &["branch", "--show-current"]), "ace/again\n");
    // A worktree with work in it that belongs to no session stays.
    let run = world.run("ace-worktree", &["prune"]).done();
    assert!(run.stderr.contains("kept ace/again: something is uncommitted"), "{run:?}");
}

#[test]
fn a_deleted_worktree_comes_back_and_its_session_goes_on() {
    let world = worked(&STEPS, &[]);
    let root_ = root(&world, "@only");
    let _ = world.run("ace-worktree", &["recover", "work"]).fails(1, &["nothing to recover"]);
    let full = files(&root_).replace("|x.tmp=x", "");
    let _ = world.run("ace-worktree", &["remove", "work", "--force"]).done();
    assert_eq!(world.last("@only", "worktree.removed")["branch"], "ace/work");
    // Somebody gets its name in git's own list.
    let other = world.run("ace-worktree", &["create", "other"]).ok();
    let run = world.run("ace", &["diff", "work"]).fails(1, &["was removed", "hint: ace-worktree recover work"]);
    drop(run);
    world.run("ace-worktree", &["recover", "work"]).ok();
    assert_eq!(files(&root_), full);
    let back = world.last("@only", "worktree.created");
    assert_ne!(back["git_dir"], world.created("@only")["worktree"]["git_dir"], "{back}");
    assert!(!world.run("ace", &["diff", "work"]).ok().is_empty());
    turn(&world, "work", 3, &[]);
    assert_eq!(world.log("@only").last().unwrap()["type"], "turn.completed");
    let state = std::fs::read_to_string(Path::new(other.trim()).join("a.txt")).unwrap();
    assert_eq!(state, "one\n");
    world.run("ace-log", &["verify", "work"]).done().stdout.clear();
    world.run("ace", &["land", "work"]).ok();
    let _ = world.run("ace", &["prune"]).done();
    assert!(!root_.exists());
}

#[test]
fn prune_takes_what_a_record_holds_only_when_asked_and_it_comes_back() {
    let world = worked(&STEPS, &[]);
    let place = root(&world, "@only");
    let full = files(&place).replace("|x.tmp=x", "");
    for args in [&["prune"][..], &["prune", "-n", "--anchored"]] {
        let _ = world.run("ace", args).done();
        assert!(place.exists());
    }
    // Something that no record holds: it stays.
    std::fs::write(place.join("mine.txt"), "by hand\n").unwrap();
    let run = world.run("ace", &["prune", "--anchored"]).done();
    assert!(run.stderr.contains("kept ace/work: something is uncommitted"), "{run:?}");
    std::fs::remove_file(place.join("mine.txt")).unwrap();
    let run = world.run("ace", &["prune", "--anchored"]).done();
    assert!(run.stderr.contains("removed ace/work: the record of its session holds it"), "{run:?}");
    assert!(!place.exists());
    world.run("ace-worktree", &["recover", "work"]).ok();
    assert_eq!(files(&place), full);
}

#[test]
fn a_lock_keeps_a_worktree() {
    let world = worked(&STEPS[..1], &[]);
    world.run("ace-worktree", &["lock", "work", "for the review"]).ok();
    let _ = world.run("ace-worktree", &["remove", "work"]).fails(1, &["locked: for the review"]);
    let list: Value = serde_json::from_str(&world.run("ace-worktree", &["list", "--json"]).ok()).unwrap();
    assert_eq!(list["locked"], "for the review");
    world.run("ace", &["land", "work"]).ok();
    let run = world.run("ace", &["prune"]).done();
    assert!(run.stderr.contains("kept ace/work: it is locked"), "{run:?}");
    world.run("ace-worktree", &["unlock", "work"]).ok();
    let _ = world.run("ace-worktree", &["unlock", "work"]).fails(1, &["is not locked"]);
    let _ = world.run("ace", &["prune"]).done();
    assert!(!root(&world, "@only").exists());
}

/// What the user has, told by git: commits of all branches, and what is uncommitted.
fn holdings(world: &World) -> (String, String) {
    (world.git(&["log", "--all", "--format=%s"]), world.git(&["status", "--porcelain"]))
}

#[test]
fn a_landing_that_is_killed_anywhere_loses_nothing_and_can_be_done_again() {
    let world = beside("m\n");
    std::fs::write(world.project().join("loose.txt"), "mine, uncommitted\n").unwrap();
    let base = world.git(&["rev-parse", "main"]);
    let place = root(&world, "@only");
    let begun = world.git(&["rev-parse", "ace/work"]);
    let hows = ["", "--squash", "--rebase"];
    let args = |n: usize| {
        let how = hows[n % hows.len()];
        ["land", "work", how].iter().filter(|a| !a.is_empty()).map(|a| (*a).to_owned()).collect()
    };
    let steps = killed_everywhere(&world, "ace-worktree", &args, |call, n, _| {
        let why = format!("killed at {call}, run {n}");
        assert_eq!(std::fs::read_to_string(world.project().join("loose.txt")).unwrap(), "mine, uncommitted\n", "{why}");
        // The work is in the worktree, or on its branch.
        assert_eq!(files(&place), ".gitignore=*.tmp|a.txt=onetwo|b.txt=b", "{why}");
        assert!(holdings(&world).0.contains("my own"), "{why}");
        // What git itself leaves when it is killed a user knows how to clear.
        let git_dir = world.created("@only")["worktree"]["git_dir"].as_str().unwrap().to_owned();
        for lock in crate::suite::files(&world.project().join(".git")) {
            if lock.extension().is_some_and(|e| e == "lock") {
                std::fs::remove_file(lock).unwrap();
            }
        }
        if world.git(&["rev-parse", "main"]) == base {
            world.git(&["reset", "-q", "--hard", "HEAD"]);
            for left in ["a.txt", "b.txt"] {
                if world.git(&["ls-files", left]).is_empty() {
                    let _ = std::fs::remove_file(world.project().join(left));
                }
            }
        }
        let again = world.run("ace", &["land", "work"]);
        assert!(matches!(again.code, Some(0 | 1)), "{why}: {again:?}");
        assert_eq!(std::fs::read_to_string(world.project().join("a.txt")).unwrap(), "one\ntwo\n", "{why}");
        assert!(world.types("@only").contains(&"worktree.landed".to_owned()), "{why}");
        world.git(&["fsck", "--no-dangling"]);
        // Back to the beginning.
        world.git(&["reset", "-q", "--hard", base.trim()]);
        let tree = place.to_str().unwrap();
        world.git(&["-C", tree, "reset", "-q", "--mixed", begun.trim()]);
        let note = Path::new(&git_dir).join("ace");
        let text = std::fs::read_to_string(&note).unwrap();
        std::fs::write(&note, text.lines().filter(|l| !l.starts_with("landed")).collect::<Vec<_>>().join("\n"))
            .unwrap();
    });
    if let Some(kills) = steps {
        assert!(kills > 5, "{kills}");
        println!("{kills} kills of a landing");
    }
}

#[test]
fn a_prune_that_is_killed_anywhere_can_be_done_again_and_takes_nothing_else() {
    let world = worked(&STEPS[..1], &[]);
    let kept = id(&world, "work");
    let make = |n: usize| {
        let name = format!("idle-{n}");
        let path = world.run("ace-worktree", &["create", &name]).ok();
        std::fs::create_dir(Path::new(path.trim()).join("folder")).unwrap();
    };
    let args = |n: usize| {
        make(n);
        vec!["prune".into()]
    };
    let steps = killed_everywhere(&world, "ace-worktree", &args, |call, n, _| {
        let why = format!("killed at {call}, run {n}");
        assert_eq!(files(&root(&world, &kept)), ".gitignore=*.tmp|a.txt=onetwo|b.txt=b", "{why}");
        let again = world.run("ace-worktree", &["prune"]).done();
        assert_eq!(files(&root(&world, &kept)), ".gitignore=*.tmp|a.txt=onetwo|b.txt=b", "{why}");
        let trees = world.git(&["worktree", "list"]);
        assert_eq!(trees.lines().count(), 2, "{why}: {again:?}\n{trees}");
        assert_eq!(
            crate::suite::folders(&world.ace_home().join("worktrees")),
            std::slice::from_ref(&kept),
            "{why}: {again:?}"
        );
    });
    if let Some(kills) = steps {
        assert!(kills > 2, "{kills}");
        println!("{kills} kills of a prune");
        assert_eq!(world.git(&["fsck", "--no-dangling"]), "");
        assert!(!world.git(&["branch"]).contains("idle"), "{}", world.git(&["branch"]));
    }
}

#[test]
fn a22_a_configuration_that_changed_while_a_session_worked_is_told_before_it_lands() {
    let world = worked(&STEPS[..1], &[]);
    world.git(&["config", "core.fsmonitor", "./evil"]);
    let run = world.run("ace", &["land", "work"]).done();
    let told = "the configuration or the hooks of git are not those of when 'work' began";
    assert!(run.stderr.contains(told), "{run:?}");
    let calm = worked(&STEPS[..1], &[]);
    let run = calm.run("ace", &["land", "work"]).done();
    assert!(!run.stderr.contains("hooks of git"), "{run:?}");
}

#[test]
fn a_worktree_whose_making_is_killed_anywhere_is_whole_or_goes_with_the_next_prune() {
    let world = worked(&STEPS[..1], &[]);
    let kept = id(&world, "work");
    let (branches, commits) = (world.git(&["branch", "--format=%(refname)"]), holdings(&world));
    let args = |n: usize| vec!["create".into(), format!("new-{n}")];
    let steps = killed_everywhere(&world, "ace-worktree", &args, |call, n, lived| {
        let why = format!("killed at {call}, run {n}");
        // The name can be had at once, whatever lies there.
        let path = world.run("ace-worktree", &["create", &format!("new-{n}")]).ok();
        assert_eq!(files(Path::new(path.trim())), ".gitignore=*.tmp|a.txt=one", "{why}");
        assert_eq!(files(&root(&world, &kept)), ".gitignore=*.tmp|a.txt=onetwo|b.txt=b", "{why}");
        let again = world.run("ace-worktree", &["prune"]).done();
        assert_eq!(world.git(&["worktree", "list"]).lines().count(), 2, "{why}, lived {lived}: {again:?}");
        assert_eq!(world.git(&["branch", "--format=%(refname)"]), branches, "{why}: {again:?}");
        // Of one that died before git knew of it an empty folder may stay.
        let all = crate::suite::files(&world.ace_home().join("worktrees"));
        let left: Vec<_> =
            all.iter().filter(|f| !f.starts_with(world.ace_home().join("worktrees").join(&kept))).collect();
        assert!(left.iter().all(|file| file.ends_with(".git")), "{why}: {left:?}");
        assert_eq!(holdings(&world), commits, "{why}");
    });
    if let Some(kills) = steps {
        assert!(kills > 5, "{kills}");
        println!("{kills} kills of a making");
        assert_eq!(world.git(&["fsck", "--no-dangling"]), "");
    }
}

#[test]
fn a_recovery_that_is_killed_anywhere_can_be_done_again() {
    let world = worked(&STEPS, &[]);
    let place = root(&world, "@only");
    let full = files(&place).replace("|x.tmp=x", "");
    let args = |_: usize| {
        let _ = world.run("ace-worktree", &["remove", "work", "--force"]).done();
        vec!["recover".into(), "work".into()]
    };
    let steps = killed_everywhere(&world, "ace-worktree", &args, |call, n, lived| {
        let why = format!("killed at {call}, run {n}");
        let again = world.run("ace-worktree", &["recover", "work"]);
        assert!(matches!(again.code, Some(0 | 1)) && (!lived || again.code == Some(1)), "{why}: {again:?}");
        assert_eq!(files(&place), full, "{why}: {again:?}");
        assert!(!world.run("ace", &["diff", "work"]).ok().is_empty(), "{why}");
        world.run("ace-log", &["verify", "work"]).done().stdout.clear();
    });
    if let Some(kills) = steps {
        assert!(kills > 5, "{kills}");
        println!("{kills} kills of a recovery");
        world.git(&["fsck", "--no-dangling"]);
    }
}

#[test]
fn states_are_mirrored_on_request_and_old_ones_go_when_no_record_names_them() {
    let world = worked(&STEPS, &[]);
    assert!(!world.git(&["for-each-ref"]).contains("refs/ace/"));
    let name = world.run("ace-worktree", &["mirror", "work"]).ok();
    assert_eq!(name.trim(), format!("refs/ace/{}", world.sessions()[0]));
    let log = world.git(&["log", "--format=%s", name.trim()]);
    assert!(log.starts_with("shell echo last > b.txt\n") && log.ends_with("first\n"), "{log}");
    assert_eq!(world.git(&["show", &format!("{}~2:b.txt", name.trim())]), "b\n");
    // What a record names stays however old it is; without its record it goes.
    let age = || {
        let then = std::time::SystemTime::now() - std::time::Duration::from_secs(25 * 3600);
        for file in crate::suite::files(&world.ace_home().join("git")) {
            let _ = std::fs::File::open(file).map(|f| f.set_modified(then));
        }
    };
    age();
    let run = world.run("ace-worktree", &["prune", "--states"]).done();
    assert!(run.stderr.contains("removed 0 objects"), "{run:?}");
    world.run("ace", &["rm", "--force", "work"]).ok();
    let dry = world.run("ace-worktree", &["prune", "--states", "-n"]).done();
    assert!(dry.stderr.contains("would remove ") && !dry.stderr.contains(" 0 objects"), "{dry:?}");
    let run = world.run("ace-worktree", &["prune", "--states"]).done();
    assert_eq!(run.stderr, dry.stderr.replace("would remove", "removed"));
}
