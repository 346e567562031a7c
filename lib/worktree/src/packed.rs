//! The states of a session as one pack of git's own, to be read on another machine. What comes in is believed to be nothing but
//! objects: each is checked, nothing is checked out, and no reference, path or configuration comes with it.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::Error;
use crate::pool::Pool;

/// The first line of a bundle.
const BUNDLE: &str = "# v2 git bundle";

/// Where the pack begins: behind the empty line of a bundle, else at the beginning.
fn body(from: &mut File) -> std::io::Result<u64> {
    let (mut at, mut line) = (0, Vec::new());
    let mut reader = std::io::BufReader::new(from);
    loop {
        line.clear();
        // A name is never as long; a file without an end of line is no bundle.
        let n = (&mut reader).take(4096).read_until(b'\n', &mut line)? as u64;
        if at == 0 && line.strip_suffix(b"\n") != Some(BUNDLE.as_bytes()) {
            return Ok(0);
        }
        at += n;
        if n == 0 || line == b"\n" {
            return Ok(at);
        }
    }
}

impl Pool {
    /// Writes every object of these states and commits (40 hexadecimal digits each, without the history of the commits) to a file.
    ///
    /// # Errors
    /// [`Error::Git`]: one is not there, or git cannot be started.
    pub fn pack(&self, ids: &[String], to: &File, scratch: &Path) -> Result<(), Error> {
        let list = self.objects(ids, scratch)?;
        let mut git = self.git(&["pack-objects", "--stdout", "--quiet", "--delta-base-offset"]);
        let to = to.try_clone().map_err(Error::git("write the pack"))?;
        run(git.stdin(list).stdout(to), "write the pack")
    }

    /// The same as a bundle, which git itself can fetch from: each state goes by `refs/ace/NAME/` and its id. A commit's parents are
    /// what whoever fetches it must have.
    ///
    /// # Errors
    /// As [`Pool::pack`], and [`Error::BadRevision`].
    pub fn bundle(&self, ids: &[String], name: &str, to: &mut File, scratch: &Path) -> Result<(), Error> {
        let repo = self.bare()?;
        let (mut needed, mut held) = (String::new(), String::new());
        for id in ids {
            let bad = || Error::BadRevision { rev: id.clone() };
            let object = gix::ObjectId::from_hex(id.as_bytes()).map_err(|_| bad())?;
            if let Ok(commit) = repo.find_object(object).map_err(|_| bad())?.try_into_commit() {
                for parent in commit.parent_ids() {
                    let _ = writeln!(needed, "-{parent}");
                }
            }
            let _ = writeln!(held, "{id} refs/ace/{name}/{id}");
        }
        let head = format!("{BUNDLE}\n{needed}{held}\n");
        to.write_all(head.as_bytes()).map_err(Error::git("write the bundle"))?;
        self.pack(ids, to, scratch)
    }

    /// Takes in a pack, or the one of a bundle, of at most so many bytes: each object is looked through as `git fsck` does. What a
    /// bundle says beside it is not looked at.
    ///
    /// # Errors
    /// [`Error::Git`]: it is none, is too large, or holds an object that git would refuse.
    pub fn unpack(&self, mut from: File, most: u64) -> Result<(), Error> {
        let what = "take in the pack";
        let at = body(&mut from).and_then(|at| from.seek(SeekFrom::Start(at)));
        at.map_err(Error::git(what))?;
        let limit = format!("--max-input-size={most}");
        let mut git = self.git(&["index-pack", "--stdin", "--fsck-objects", &limit]);
        run(git.stdin(from).stdout(Stdio::null()), what)
    }

    /// Whether these states and commits are whole.
    ///
    /// # Errors
    /// [`Error::Git`] when an object of them is missing.
    pub fn holds(&self, ids: &[String], scratch: &Path) -> Result<(), Error> {
        self.objects(ids, scratch).map(drop)
    }

    /// A file with the names of all objects, ready to be read.
    fn objects(&self, ids: &[String], scratch: &Path) -> Result<File, Error> {
        let what = "list the objects";
        let file = || tempfile_in(scratch).map_err(Error::io(scratch));
        let mut wanted = file()?;
        let text: String = ids.iter().map(|id| format!("{id}\n")).collect();
        wanted.write_all(text.as_bytes()).and_then(|()| wanted.rewind()).map_err(Error::io(scratch))?;
        let list = file()?;
        let mut git = self.git(&["rev-list", "--objects", "--no-walk", "--no-object-names", "--stdin"]);
        let out = list.try_clone().map_err(Error::git(what))?;
        run(git.stdin(wanted).stdout(out), what)?;
        let mut list = list;
        list.rewind().map_err(Error::io(scratch))?;
        Ok(list)
    }

    /// The git program on this folder alone, with nobody's configuration.
    fn git(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.arg("--no-pager").arg("--git-dir").arg(self.folder()).args(args).current_dir(self.folder());
        let ours = |name: &str| name.starts_with("GIT_") || matches!(name, "BASH_ENV" | "ENV");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_none_or(ours)) {
            command.env_remove(name);
        }
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_NO_LAZY_FETCH", "1");
        command.env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C").stderr(Stdio::piped());
        command
    }
}

/// A file without a name.
fn tempfile_in(folder: &Path) -> std::io::Result<File> {
    let path = folder.join(format!(".objects-{}-{}", std::process::id(), crate::note::nanoseconds_now()));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

fn run(command: &mut Command, what: &'static str) -> Result<(), Error> {
    let child = command.spawn().map_err(Error::git("start git"))?;
    let out = child.wait_with_output().map_err(Error::git("wait for git"))?;
    if out.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&out.stderr);
    let last: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).take(2).collect();
    Err(Error::git(what)(last.join("; ")))
}

impl Pool {
    /// The tree that has what `theirs` changed of `base` on top of `ours`; 40 hexadecimal digits each, trees or commits. No file of a
    /// work tree is looked at, and no program that one could name is started.
    ///
    /// # Errors
    /// [`Error::Conflicts`] with the files that both sides changed, [`Error::BadRevision`], [`Error::Git`].
    pub fn merge(&self, base: &str, ours: &str, theirs: &str) -> Result<String, Error> {
        let what = "merge";
        let (base, ours, theirs) = (self.tree(base)?, self.tree(ours)?, self.tree(theirs)?);
        if base == ours || ours == theirs {
            return Ok(theirs);
        }
        if base == theirs {
            return Ok(ours);
        }
        let onto = format!("--merge-base={base}");
        let mut git =
            self.git(&["merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", &onto, &ours, &theirs]);
        let out = git.stdin(Stdio::null()).stdout(Stdio::piped()).output().map_err(Error::git("start git"))?;
        let mut parts = out.stdout.split(|byte| *byte == 0);
        let tree = String::from_utf8_lossy(parts.next().unwrap_or_default()).trim().to_owned();
        match out.status.code() {
            Some(0) => Ok(tree),
            Some(1) => {
                let paths = parts.take_while(|path| !path.is_empty()).take(ace_schema::limits::worktree::NAMED_PATHS);
                let clash = |path: &[u8]| {
                    let path = crate::tree::native(&gix::bstr::BString::from(path))?;
                    Ok(crate::Clash { path, how: String::new(), theirs: String::new() })
                };
                Err(Error::Conflicts { clashes: paths.map(clash).collect::<Result<_, Error>>()? })
            }
            _ => Err(Error::git(what)(String::from_utf8_lossy(&out.stderr).trim().to_owned())),
        }
    }
}
