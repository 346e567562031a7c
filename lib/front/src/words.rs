//! Errors as people read them: what failed, about whom, why, and what to do. One place, so that every program says the same.

use ace_cli::{Complaint, Exit};
use ace_config::Problem;
use ace_host::rules::RulesError;
use ace_host::{FurnishError, NewError, Note, SettingsError, StarError, TravelError};
use ace_schema::data::Code;
use ace_storage::{AppendError, CreateError, Fault, FindError};
use ace_worktree as git;

/// Settings that cannot be had.
#[must_use]
pub fn settings(program: &str, error: &SettingsError) -> Complaint {
    match error {
        SettingsError::NoHome => {
            Complaint::new(program, Exit::Config, "no place for sessions: neither ACE_HOME nor HOME is set")
        }
        SettingsError::Read { file, source } => {
            let mut complaint = Complaint::io(program, &format!("cannot read '{file}'"), source);
            complaint.exit = Exit::Config;
            complaint
        }
        SettingsError::Problems(problems) => match problems.first() {
            Some(first) => problem(program, first, problems.len() - 1),
            None => Complaint::new(program, Exit::Config, "the configuration is wrong"),
        },
    }
}

/// Rules that cannot be had.
#[must_use]
pub fn rules(program: &str, error: &RulesError) -> Complaint {
    match error {
        RulesError::Read { file, source } | RulesError::Write { file, source } => {
            let verb = if matches!(error, RulesError::Read { .. }) { "read" } else { "write" };
            let mut complaint = Complaint::io(program, &format!("cannot {verb} '{file}'"), source);
            complaint.exit = Exit::Config;
            complaint
        }
        RulesError::Problems(problems) => {
            let more = problems.len().saturating_sub(1);
            let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
            Complaint::new(program, Exit::Config, format!("{error}{more}")).hint("man ace-rules")
        }
        RulesError::Nothing(why) => Complaint::new(program, Exit::Config, *why),
    }
}

fn problem(program: &str, problem: &Problem, more: usize) -> Complaint {
    let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
    let complaint = Complaint::new(program, Exit::Config, format!("{problem}{more}"));
    match problem.hint() {
        Some(hint) => complaint.hint(hint),
        None => complaint,
    }
}

/// A session that was not found.
#[must_use]
pub fn not_found(program: &str, error: &FindError) -> Complaint {
    match error {
        FindError::NoSession { name, nearest } => {
            let complaint = Complaint::new(program, Exit::Usage, format!("no session '{name}'"));
            match nearest.first() {
                Some(near) => complaint.hint(format!("did you mean '{near}'? ace ls shows all")),
                None => complaint.hint("ace ls shows all"),
            }
        }
        FindError::Ambiguous { name, ids } => {
            let complaint = Complaint::new(program, Exit::Usage, format!("'{name}' names {} sessions", ids.len()));
            complaint.hint(format!("take an id: {}", ids.iter().take(3).cloned().collect::<Vec<_>>().join(", ")))
        }
        FindError::Io(e) => Complaint::io(program, "cannot read the sessions", e),
    }
}

/// A session that was not made.
#[must_use]
pub fn not_made(program: &str, error: &NewError) -> Complaint {
    match error {
        NewError::EmptyPrompt => {
            Complaint::new(program, Exit::Usage, "nothing to do: the prompt is empty").hint(match program {
                "ace" => "ace run -h shows how".to_owned(),
                other => format!("{other} -h shows how"),
            })
        }
        NewError::HugePrompt { .. } => Complaint::new(program, Exit::Usage, error.to_string())
            .hint("name the file in the prompt: the read tool takes it in parts"),
        NewError::Name(name) => Complaint::new(program, Exit::Usage, format!("no branch can have the name '{name}'"))
            .hint("letters, digits, '-', '_' and '.'"),
        NewError::Git(e) => worktree(program, e),
        NewError::Furnish(e) => furnish(program, e),
        NewError::Create(CreateError::Full) => {
            Complaint::new(program, Exit::Io, "cannot make the session: no space left on device")
        }
        NewError::Create(CreateError::Io(e)) => Complaint::io(program, "cannot make the session", e),
        NewError::Create(e) => Complaint::new(program, Exit::Bug, format!("cannot make the session: {e}")),
    }
}

/// A way back or sideways that there was not.
#[must_use]
pub fn travel(program: &str, name: &str, error: &TravelError) -> Complaint {
    let complaint = |exit, what: String| Complaint::new(program, exit, what);
    match error {
        TravelError::NoLine { last, .. } => complaint(Exit::No, format!("'{name}' has {error}"))
            .hint(format!("ace log {name} shows all, and ends at @{last}")),
        TravelError::Running => complaint(Exit::Busy, format!("in '{name}' {error}"))
            .hint(format!("ace cancel {name}, and ace-session run {name} settles what is open")),
        TravelError::Busy => complaint(Exit::Busy, format!("'{name}' runs")).hint(format!("ace cancel {name}")),
        TravelError::NothingToUndo | TravelError::TooOften | TravelError::Foreign => {
            complaint(Exit::No, format!("'{name}': {error}"))
        }
        TravelError::WorktreeGone => complaint(Exit::No, format!("'{name}': {error}"))
            .hint(format!("ace fork {name} goes on in a worktree of its own")),
        TravelError::Name(_) => complaint(Exit::Usage, error.to_string()).hint("letters, digits, '-', '_' and '.'"),
        TravelError::HugePrompt { .. } => complaint(Exit::Usage, error.to_string())
            .hint("name the file in the prompt: the read tool takes it in parts"),
        TravelError::FilesGone => complaint(Exit::No, format!("'{name}': {error}"))
            .hint("the private git folder under the home of ace was removed, or git gc took its base"),
        TravelError::Git(e) => worktree(program, e),
        TravelError::Furnish(e) => furnish(program, e),
        TravelError::Create(e) => complaint(Exit::Io, format!("cannot make the session: {e}")),
        TravelError::Append(e) => append(program, name, e),
        TravelError::Io(e) => Complaint::io(program, &format!("cannot read '{name}'"), e),
    }
}

/// A worktree that could not be made ready.
#[must_use]
pub fn furnish(program: &str, error: &FurnishError) -> Complaint {
    match error {
        FurnishError::Git(e) => worktree(program, e),
        FurnishError::Setup => Complaint::new(program, Exit::No, error.to_string())
            .hint("nothing was made; ace config shows worktree.setup, which runs in the sandbox without a network"),
        FurnishError::Start(e) => Complaint::io(program, "cannot run the setup of the worktree", e),
    }
}

/// What git says no to.
#[must_use]
pub fn worktree(program: &str, error: &git::Error) -> Complaint {
    let complaint = |exit, what: String| Complaint::new(program, exit, what);
    let paths = |paths: &[std::path::PathBuf]| {
        let shown: Vec<String> = paths.iter().take(3).map(|p| p.display().to_string()).collect();
        let more = paths.len().saturating_sub(3);
        if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
    };
    match error {
        git::Error::BadRevision { rev } => complaint(Exit::Usage, format!("no commit '{rev}'")),
        git::Error::Dirty { paths: p } => {
            complaint(Exit::No, format!("uncommitted changes are in the way: {}", paths(p)))
                .hint("commit or stash them first: nothing was changed")
        }
        git::Error::Conflicts { clashes } => complaint(Exit::No, format!("both sides changed {}", clashed(clashes)))
            .hint("nothing was changed; tell the session to merge your branch, or git merge its branch by hand"),
        git::Error::Unfit { commit, clashes } => {
            complaint(Exit::No, format!("'{commit}' does not fit: both sides changed {}", clashed(clashes)))
                .hint("nothing was changed; --squash or a merge asks less than --rebase")
        }
        git::Error::NoRemote { name } if name.is_empty() => {
            complaint(Exit::No, "there is no remote to push to".to_owned()).hint("git remote add origin URL")
        }
        git::Error::Busy { what } if what == "merge" || what == "rebase" => {
            complaint(Exit::Busy, format!("{what} in progress in your own work tree"))
                .hint(format!("git {what} --abort or --continue there, then again"))
        }
        git::Error::InTheWay { paths: p } => {
            complaint(Exit::No, format!("files that no record holds are in the way: {}", paths(p)))
                .hint("move them away: nothing was changed")
        }
        git::Error::Unmerged { branch, .. } => complaint(Exit::No, format!("{error}"))
            .hint(format!("land it first, or keep the branch: git branch keep {branch}")),
        git::Error::NotARepository { .. } => complaint(Exit::Usage, error.to_string()),
        git::Error::Io { path, source } => Complaint::io(program, &format!("'{}'", path.display()), source),
        git::Error::Bare => complaint(Exit::Usage, "a bare repository has no files to work on".to_owned())
            .hint("clone it, or --no-worktree"),
        git::Error::Git { .. } => complaint(Exit::Io, format!("git: {error}")),
        other => complaint(Exit::No, other.to_string()),
    }
}

/// Files on which both sides disagree: how, and by which commit of the user's.
fn clashed(clashes: &[git::Clash]) -> String {
    let told = |clash: &git::Clash| {
        let how = match clash.how.as_str() {
            "" | "content" | "contents" => "the same lines".to_owned(),
            other => other.to_owned(),
        };
        let by = if clash.theirs.is_empty() { String::new() } else { format!(", yours in {}", clash.theirs) };
        ace_view::clean(&format!("{} ({how}{by})", clash.path.display())).replace('\n', " ")
    };
    let shown: Vec<String> = clashes.iter().take(3).map(told).collect();
    let more = clashes.len().saturating_sub(3);
    if more > 0 { format!("{} and {more} more", shown.join("; ")) } else { shown.join("; ") }
}

/// A log that does not take lines.
#[must_use]
pub fn append(program: &str, name: &str, error: &AppendError) -> Complaint {
    match error {
        AppendError::Damaged { line, fault } => damaged(program, name, *line, fault),
        AppendError::Full { kept } => Complaint::new(
            program,
            Exit::Io,
            format!("cannot append to '{name}': no space left on device (kept up to @{kept})"),
        )
        .hint(format!("free some space, then: ace resume {name}")),
        AppendError::Poisoned => Complaint::new(
            program,
            Exit::Io,
            format!("cannot append to '{name}': the disk failed to keep its last lines"),
        )
        .hint("check the disk; what is readable is whole: ace-log verify"),
        AppendError::Gone => Complaint::new(program, Exit::Usage, format!("'{name}' was removed")),
        AppendError::Pens => Complaint::new(program, Exit::Busy, format!("'{name}': {error}")),
        AppendError::Io(e) => Complaint::io(program, &format!("cannot append to '{name}'"), e),
    }
}

/// A line that the log did not write.
#[must_use]
pub fn damaged(program: &str, name: &str, line: u64, fault: &Fault) -> Complaint {
    if let Fault::Line(ace_schema::LineError::Version(v)) = fault {
        let what =
            format!("'{name}' needs a newer ace: line {line} has v {v}, this one reads v {}", ace_schema::VERSION);
        return Complaint::new(program, Exit::Damaged, what);
    }
    let what = match fault {
        Fault::Behind { .. } => format!("'{name}' was cut: it {fault}"),
        Fault::Anchor(_) => format!("'{name}' was written anew: {fault}"),
        Fault::Prev => {
            format!("'{name}' is damaged at line {line}: prev is not the hash of line {}", line.saturating_sub(1))
        }
        other => format!("'{name}' is damaged at line {line}: {other}"),
    };
    let complaint = Complaint::new(program, Exit::Damaged, what);
    match fault {
        Fault::Torn(_) => complaint.hint("it was never acknowledged: whoever writes next cuts it aside"),
        Fault::BlobMissing(_) | Fault::BlobDamaged(_) => complaint.hint("every line is whole"),
        Fault::Cut { .. } | Fault::Behind { .. } | Fault::Anchor(_) => complaint,
        // Of two lines that do not fit together nobody knows which was changed.
        fault => match line.saturating_sub(if *fault == Fault::Prev { 2 } else { 1 }) {
            0 => complaint,
            1 => complaint.hint(format!("line 1 is whole: ace-log recover {name} goes on from there")),
            n => complaint.hint(format!("lines 1 to {n} are whole: ace-log recover {name} goes on from there")),
        },
    }
}

/// A run that could not go on.
#[must_use]
pub fn star(program: &str, name: &str, error: &StarError) -> Complaint {
    match error {
        StarError::Append(e) => append(program, name, e),
        StarError::Io(e) => Complaint::io(program, &format!("'{name}'"), e),
        StarError::Start { program: part, source } => {
            let mut complaint = Complaint::io(program, &format!("cannot start '{part}'"), source);
            // It is there and may be run: then the machine lacks something, and looking for the program helps nobody.
            if !matches!(source.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::PermissionDenied) {
                return complaint;
            }
            complaint.exit = Exit::Config;
            complaint.hint("the programs of ace stand beside it; filters of your own on PATH: see [pipeline]")
        }
        StarError::Ended { program: part, code } => {
            let exit = u8::try_from(*code).ok().and_then(Exit::from_number).unwrap_or(Exit::Bug);
            Complaint::new(program, exit, format!("'{part}' ended with exit {code}"))
                .hint(format!("its own words stand above; then: ace resume {name}"))
        }
        StarError::Falls { .. } => {
            Complaint::new(program, Exit::Bug, error.to_string()).hint(format!("nothing is lost: ace resume {name}"))
        }
    }
}

/// The exit that a failed turn stands for.
#[must_use]
pub fn exit_of(code: &Code) -> Exit {
    match code {
        Code::Limit | Code::Context => Exit::Limit,
        Code::Unreachable => Exit::Unreachable,
        Code::Credentials => Exit::Credentials,
        Code::Config | Code::Sandbox => Exit::Config,
        Code::Cancelled => Exit::Cancelled,
        _ => Exit::No,
    }
}

/// A group that nobody has configured.
#[must_use]
pub fn no_group(program: &str, limited: &ace_config::Quota, name: &str) -> Complaint {
    let complaint = Complaint::new(program, Exit::Usage, format!("no limits of a group '{name}' are configured"));
    match ace_config::nearest(name, limited.groups.keys().map(String::as_str)) {
        Some(near) => complaint.hint(format!("did you mean '{near}'?")),
        None => complaint.hint(format!("ace config set quota.groups.{name}.money 5")),
    }
}

/// What people should know about a session that was made: the words, and a hint.
#[must_use]
pub fn redacted(secrets: usize) -> (String, Option<&'static str>) {
    let what = if secrets == 1 { "1 secret was".to_owned() } else { format!("{secrets} secrets were") };
    let hint = "a tool can read one from a file, and the model need not see it";
    (format!("{what} taken out of the message, for the log and for the model"), Some(hint))
}

/// What people should know about a session that was made, and what to do about it.
#[must_use]
pub fn note(note: &Note) -> (String, Option<&'static str>) {
    match note {
        Note::NotARepository => ("not a git repository: works in place, without branch and rewind".to_owned(), None),
        Note::NoCommit => (
            "no commit yet: works in place, without branch and rewind".to_owned(),
            Some("git commit first to get both"),
        ),
        Note::StaysBehind { files, head } => {
            let files = if *files == 1 {
                "1 uncommitted file stays".to_owned()
            } else {
                format!("{files} uncommitted files stay")
            };
            (format!("{files} behind: the worktree starts at HEAD {head}"), Some("--carry brings them along"))
        }
        Note::FilesStay => {
            ("not a git repository: the conversation goes on from there, the files are as they are".to_owned(), None)
        }
        Note::FilesUnknown => {
            ("nothing is recorded of the files then: the worktree holds the commit alone".to_owned(), None)
        }
        Note::Redacted { secrets } => redacted(*secrets),
        Note::Detached { head } => {
            (format!("HEAD is detached: the worktree starts at {head}, and landing needs a branch"), None)
        }
    }
}
