//! A session's branch pushed to a remote by the `git` program, in the user's name: with their credentials, their hooks, and the
//! repository's own remotes. It must never be started in a worktree of ours, nor force anything.

use crate::error::Error;
use crate::git::{Git, Hooks};
use crate::repository::Repository;

/// Where a branch is pushed to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remote {
    /// Its name.
    pub name: String,
    /// Its address as configured, without a password.
    pub url: String,
    /// What its side calls the branch that the work came from; the name here, if that is not tracked.
    pub base: String,
}

fn program(repo: &Repository) -> Result<Git<'_>, Error> {
    let root = repo.facts().root.as_deref().ok_or(Error::Bare)?;
    Ok(Git { git_dir: &repo.facts().git_dir, root })
}

/// The remote `wanted`, else the one that `from` is tracked at, else the only one or `origin`.
///
/// # Errors
/// [`Error::NoRemote`], [`Error::Bare`], [`Error::Git`].
pub fn remote(repo: &Repository, from: &str, wanted: Option<&str>) -> Result<Remote, Error> {
    let git = program(repo)?;
    let value = |key: &str| -> Result<Option<String>, Error> {
        let said = git.run(Hooks::Skip, &["config", "--get", key])?;
        let text = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        Ok((said.code == Some(0) && !text.is_empty()).then_some(text))
    };
    let all = git.run(Hooks::Skip, &["remote"])?.ok("read the remotes")?;
    let all = String::from_utf8_lossy(&all.stdout).into_owned();
    let all: Vec<&str> = all.lines().collect();
    let tracked = value(&format!("branch.{from}.remote"))?.filter(|name| all.contains(&name.as_str()));
    let name = match (wanted, tracked, all.as_slice()) {
        (Some(name), ..) if all.contains(&name) => name.to_owned(),
        (Some(name), ..) => return Err(Error::NoRemote { name: name.to_owned() }),
        (None, Some(name), _) => name,
        (None, None, [only]) => (*only).to_owned(),
        (None, None, all) if all.contains(&"origin") => "origin".to_owned(),
        (None, None, _) => return Err(Error::NoRemote { name: String::new() }),
    };
    let url = git.run(Hooks::Skip, &["remote", "get-url", &name])?.ok("read the remote")?;
    let url = plain(String::from_utf8_lossy(&url.stdout).trim());
    let base = value(&format!("branch.{from}.merge"))?;
    let base = base.as_deref().and_then(|base| base.strip_prefix("refs/heads/")).unwrap_or(from).to_owned();
    Ok(Remote { name, url, base })
}

/// Pushes `branch` (without `refs/heads/`) to a remote under its own name.
///
/// # Errors
/// [`Error::Bare`], [`Error::Git`] with what git or a hook said.
pub fn push(repo: &Repository, branch: &str, remote: &Remote) -> Result<(), Error> {
    let spec = format!("refs/heads/{branch}:refs/heads/{branch}");
    let args = ["push", "--quiet", "--no-recurse-submodules", "--", &remote.name, &spec];
    program(repo)?.run(Hooks::Run, &args)?.ok("push").map(drop)
}

/// An address without the name and password of who uses it.
fn plain(url: &str) -> String {
    match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.split_once('/')?))) {
        Some((scheme, (host, path))) => format!("{scheme}://{}/{path}", host.rsplit('@').next().unwrap_or(host)),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn an_address_holds_no_password() {
        assert_eq!(plain("https://uma:token@example.org/a/b.git"), "https://example.org/a/b.git");
        assert_eq!(plain("git@example.org:a/b.git"), "git@example.org:a/b.git");
        assert_eq!(plain("/srv/a@b/c.git"), "/srv/a@b/c.git");
    }
}
