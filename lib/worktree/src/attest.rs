//! Heads of logs noted in the user's own repository, beside its commits: a chain of hashes alone cannot see that its tail was cut,
//! what stands elsewhere can. It must never know what a log is: a note is a line of text.

use crate::error::Error;
use crate::git::{Git, Hooks};
use crate::repository::Repository;

use ace_schema::limits::worktree as limits;

/// The reference of the notes.
const NOTES: &str = "--ref=refs/notes/ace";

/// Adds a line to the note of a commit (HEAD, if none is named); the commit, 40 hexadecimal digits.
///
/// # Errors
/// [`Error::BadRevision`], [`Error::Bare`], [`Error::Git`].
pub fn attest(repo: &Repository, commit: Option<&str>, line: &str) -> Result<String, Error> {
    let commit = repo.commit(commit)?.to_hex().to_string();
    run(repo, &["notes", NOTES, "append", "-m", line, &commit], "write a note")?;
    Ok(commit)
}

/// All lines of notes and of commit messages that begin with `mark`, at most as many as the limit says.
///
/// # Errors
/// [`Error::Bare`], [`Error::Git`].
pub fn attested(repo: &Repository, mark: &str) -> Result<Vec<String>, Error> {
    let mut lines = Vec::new();
    let listed = run(repo, &["notes", NOTES, "list"], "list the notes")?;
    for note in listed.lines().filter_map(|line| line.split(' ').next()).take(limits::NOTES) {
        lines.push(run(repo, &["cat-file", "blob", note], "read a note")?);
    }
    let grep = format!("--grep=^{mark}");
    let most = format!("--max-count={}", limits::NOTES);
    lines.push(run(repo, &["log", "--all", "--format=%B", &most, &grep], "read the messages")?);
    Ok(lines.iter().flat_map(|text| text.lines()).filter(|line| line.starts_with(mark)).map(str::to_owned).collect())
}

fn run(repo: &Repository, args: &[&str], what: &'static str) -> Result<String, Error> {
    let facts = repo.facts();
    let root = facts.root.as_deref().ok_or(Error::Bare)?;
    let git = Git { git_dir: repo.inner.git_dir(), root };
    let said = git.run(Hooks::Skip, args)?.ok(what)?;
    Ok(String::from_utf8_lossy(&said.stdout).into_owned())
}
