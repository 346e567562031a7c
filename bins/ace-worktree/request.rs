//! A pull request through the user's own `gh` or `glab`: the branch is pushed by their git, and what is asked for says what was done,
//! what was run, and which session it was. It never sees a token: those programs have their own.

use ace_cli::{Complaint, Exit, SessionAddress};
use ace_front::{Opening, sessions};
use ace_schema::data::WorktreeLanded;
use ace_schema::limits;
use ace_worktree as git;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::land::{Work, commit, record};
use crate::{PROGRAM, failed};

/// Commands told as checks: the last so many.
const CHECKS: usize = 8;

/// The programs that open requests, the likelier first.
const GITHUB: &str = "gh";
const GITLAB: &str = "glab";

/// Commits, pushes, and asks for it to be taken; prints the address.
pub fn request(
    opening: &Opening,
    session: &SessionAddress,
    work: &Work,
    remote: Option<&str>,
    onto: Option<&str>,
) -> Result<Exit, Complaint> {
    // Before anything leaves the machine: is there somebody to ask?
    let roots = [work.repository.facts().root.clone(), Some(work.place.path.clone())];
    let roots: Vec<PathBuf> = roots.into_iter().flatten().collect();
    if [GITHUB, GITLAB].iter().all(|program| which(program, &roots).is_none()) {
        return Err(Complaint::new(PROGRAM, Exit::No, "neither gh nor glab is on the PATH")
            .hint("one of them opens the request in your name: https://cli.github.com"));
    }
    let from = work.created.worktree.as_ref().map_or("", |tree| &tree.from);
    let from = onto.unwrap_or(from);
    let to = git::remote(&work.repository, from, remote).map_err(failed)?;
    let landed = commit(work)?;
    git::push(&work.repository, &landed.branch, &to).map_err(failed)?;
    let order = if to.url.contains("gitlab") { [GITLAB, GITHUB] } else { [GITHUB, GITLAB] };
    let found = order.iter().find_map(|name| Some((*name, which(name, &roots)?)));
    let Some((name, program)) = found else { return Err(Complaint::new(PROGRAM, Exit::No, "gh and glab are gone")) };
    let title = work.message.lines().next().unwrap_or_default().to_owned();
    let body = body(opening, session, work)?;
    let asked = Asked { branch: &landed.branch, base: &to.base, title: &title, body: &body };
    let url = ask(name, &program, &roots[0], &asked)
        .map_err(|why| why.hint(format!("{} is on {} by now", landed.branch, to.name)))?;
    let data = WorktreeLanded {
        branch: landed.branch.clone(),
        into: to.base.clone(),
        commit: landed.tip.clone(),
        how: "request".to_owned(),
        url: url.clone(),
    };
    record(opening, session, &data)?;
    crate::look::print(format!("{url}\n").as_bytes())
}

/// What is asked for.
struct Asked<'a> {
    branch: &'a str,
    base: &'a str,
    title: &'a str,
    body: &'a str,
}

/// Runs the program; the address it names. One that is there already was brought up to date by the push.
fn ask(name: &str, program: &Path, root: &Path, asked: &Asked<'_>) -> Result<String, Complaint> {
    let cannot = |e| Complaint::io(PROGRAM, &format!("cannot run '{}'", program.display()), &e);
    let mut command = Command::new(program);
    match name {
        GITHUB => command.args(["pr", "create", "--head", asked.branch, "--base", asked.base]).args([
            "--title",
            asked.title,
            "--body-file",
            "-",
        ]),
        _ => command.args(["mr", "create", "--source-branch", asked.branch, "--target-branch", asked.base]).args([
            "--title",
            asked.title,
            "--description",
            asked.body,
            "--yes",
        ]),
    };
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_none_or(|n| n.starts_with("GIT_"))) {
        command.env_remove(name);
    }
    command.current_dir(root).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.env("GH_PROMPT_DISABLED", "1").spawn().map_err(cannot)?;
    if let Some(mut stdin) = child.stdin.take() {
        // Who does not read it has it as an argument.
        let _ = stdin.write_all(asked.body.as_bytes());
    }
    let out = child.wait_with_output().map_err(cannot)?;
    let (said, complained) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    let address = |text: &str| {
        text.split_whitespace().rev().find(|w| w.starts_with("https://") || w.starts_with("http://")).map(str::to_owned)
    };
    if out.status.success() {
        return Ok(address(&said).or_else(|| address(&complained)).unwrap_or_else(|| said.trim().to_owned()));
    }
    if let (true, Some(url)) = (complained.contains("already exists"), address(&complained)) {
        return Ok(url);
    }
    let why = complained.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it says nothing");
    Err(Complaint::new(PROGRAM, Exit::No, format!("{name}: {}", ace_view::clean(why))))
}

/// The program of that name on the PATH, never one of the repository's or the session's own.
fn which(name: &str, roots: &[PathBuf]) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let path = std::env::var_os("PATH")?;
    let inside = |folder: &Path| {
        let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        roots.iter().any(|root| folder.starts_with(root) || real.starts_with(root))
    };
    let runs = |file: &PathBuf| file.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    let folders = std::env::split_paths(&path).filter(|folder| folder.is_absolute() && !inside(folder));
    folders.map(|folder| folder.join(name)).find(runs)
}

/// What was done, in the session's own last words; what was run there; and where it is written.
fn body(opening: &Opening, session: &SessionAddress, work: &Work) -> Result<String, Complaint> {
    let (log, all) = sessions::load_unread(opening, session)?;
    let lines = sessions::lines(opening, session, &all)?;
    let fetch = |blob: &ace_schema::data::BlobRef| {
        log.blobs().get(&blob.sha).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    };
    let summary = ace_view::answer(&lines, &fetch).unwrap_or_default();
    let summary: String = ace_view::clean(&summary).chars().take(limits::INLINE_BYTES).collect();
    let mut out = summary.trim().to_owned();
    let commands = work.steps.iter().filter_map(|step| Some((crate::look::subject(step), step.exit?)));
    let commands: Vec<(String, i32)> = commands.collect();
    if !commands.is_empty() {
        out.push_str("\n\n### Checks\n\nThe last commands of the session, and how they ended:\n\n");
        for (command, exit) in commands.iter().rev().take(CHECKS).rev() {
            let command: String = command.trim_start_matches("shell ").replace('`', "'").chars().take(200).collect();
            out.push_str(&format!("- `{command}`: exit {exit}\n"));
        }
    }
    out.push_str(&format!("\n\n{}\n", work.trailer));
    Ok(out.trim_start().to_owned())
}
