//! Back and sideways: a new session with the past of another, and a session that goes on from where it was before.
//!
//! Both end with one batch of records. A crash before it leaves a worktree that belongs to nobody, or files of another moment whose
//! state before was recorded first: doing it again finishes it, and nothing is lost.

use ace_core::State;
use ace_schema::data::{ForkedFrom, SessionCreated, SessionRewound, Worktree, WorktreeSnapshot};
use ace_schema::permission::Mode;
use ace_schema::{Drafter, Kind, limits, ty};
use ace_storage::{AppendError, Clock, CreateError, Home, Log};
use ace_worktree as git;
use std::io;
use std::path::{Path, PathBuf};

use crate::create::{Made, Note, Said, is_name, message_drafts};
use crate::point::{Point, point};
use crate::site::{Site, pool, pools};

/// Why there was no way.
#[derive(Debug, thiserror::Error)]
pub enum TravelError {
    /// There is no such record.
    #[error("no line @{wanted}, the last is @{last}")]
    NoLine {
        /// The line.
        wanted: u64,
        /// The last one.
        last: u64,
    },
    /// It came from another home.
    #[error("it came from another home: it is to be looked at, not to go on")]
    Foreign,
    /// A turn runs, or stopped in the middle.
    #[error("a turn is not over")]
    Running,
    /// Somebody keeps the session going.
    #[error("the session runs")]
    Busy,
    /// There is no turn to take back.
    #[error("there is no turn to take back")]
    NothingToUndo,
    /// It went back too often.
    #[error("{} ways back in one session, the limit", limits::REWINDS)]
    TooOften,
    /// The name fits no branch.
    #[error("the name '{0}' does not fit a branch")]
    Name(String),
    /// The message is longer than a model could read.
    #[error("the prompt has {bytes} bytes, the limit is {}", limits::PROMPT_BYTES)]
    HugePrompt {
        /// Its bytes.
        bytes: usize,
    },
    /// The worktree was removed: there is nothing to bring back to what it was.
    #[error("its worktree is gone")]
    WorktreeGone,
    /// The state of the files is not in the pool any more.
    #[error("the files as they were are not kept")]
    FilesGone,
    /// Git.
    #[error(transparent)]
    Git(#[from] git::Error),
    /// The new session's folder.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// Its worktree could not be made ready.
    #[error(transparent)]
    Furnish(#[from] crate::FurnishError),
    /// The log.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// Reading failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What a fork is to be like.
#[derive(Debug, Clone, Default)]
pub struct NewFork {
    /// The last record of its past; the last one there is, if none is named.
    pub seq: Option<u64>,
    /// Its name; empty for one like its parent's.
    pub name: String,
    /// Its first message; empty for none.
    pub prompt: String,
    /// Another `provider/model` than its parent's; empty for the same.
    pub model: String,
    /// Another mode than its parent's.
    pub mode: Option<Mode>,
    /// The turn that waited for a context at that record goes on.
    pub goes_on: bool,
    /// The person.
    pub owner: String,
    /// The machine.
    pub host: String,
    /// Through which client.
    pub client: String,
    /// Where the person stands.
    pub cwd: PathBuf,
    /// What its worktree shall have, if it is of the repository around the person.
    pub wishes: ace_config::Worktree,
}

fn at(log: &Log, seq: Option<u64>) -> Result<Point, TravelError> {
    point(log, seq)?.map_err(|last| TravelError::NoLine { wanted: seq.unwrap_or(0), last })
}

/// Makes a session whose past is that of `log` up to a record, by reference, and whose worktree holds the files of that moment.
/// `random` gives two numbers that nobody else has.
///
/// # Errors
/// See [`TravelError`]; nothing is left behind.
pub fn fork(home: &Home, log: &Log, new: &NewFork, clock: &Clock, random: (u64, u64)) -> Result<Made, TravelError> {
    if log.folder().is_some_and(ace_storage::is_foreign) {
        return Err(TravelError::Foreign);
    }
    let past = at(log, new.seq)?;
    if new.prompt.len() > limits::PROMPT_BYTES {
        return Err(TravelError::HugePrompt { bytes: new.prompt.len() });
    }
    let wanted = if new.name.is_empty() { &past.state.name } else { &new.name };
    if !is_name(wanted) {
        return Err(TravelError::Name(wanted.clone()));
    }
    let id = ace_schema::id::session(u64::try_from(clock.now()).unwrap_or(0), random.0);
    let state = &past.state;
    let mut notes = Vec::new();
    // Until the session is there: two forks that begin at once are two.
    let held = home.hold_name(wanted)?;
    let mut created = SessionCreated {
        name: held.name().to_owned(),
        owner: new.owner.clone(),
        host: new.host.clone(),
        model: if new.model.is_empty() { state.model.clone() } else { new.model.clone() },
        mode: new.mode.unwrap_or(state.mode),
        limits: state.limits.clone(),
        hooks: state.hooks.clone(),
        worktree: None,
        forked_from: Some(ForkedFrom { goes_on: new.goes_on, ..past.at.clone() }),
        // It is no run of those inputs and none of that batch.
        inputs: String::new(),
        batch: None,
        ..state.created.clone()
    };
    let making = place(home, &past, (&id, new), &mut created, &mut notes)?;
    let mut drafter = Drafter::new("ace-session", random.1);
    drafter.set_session(&id);
    let (_, mut drafts) = drafter.draft(0, "", ty::SESSION_CREATED, &created);
    if !new.prompt.trim().is_empty() {
        drafts.extend(
            message_drafts(
                &mut drafter,
                Said { text: &new.prompt, author: &new.owner, client: &new.client, ..Said::default() },
            )
            .1,
        );
    }
    let folder = home.create(&id, Kind::Person, &drafts, clock)?;
    let _ = making.map(git::Making::finish);
    Ok(Made { id, folder, created, notes })
}

/// Makes the fork's worktree with the files of that moment; it is taken back unless it is finished. Outside git it works where its
/// parent does.
fn place(
    home: &Home,
    past: &Point,
    (id, new): (&str, &NewFork),
    created: &mut SessionCreated,
    notes: &mut Vec<Note>,
) -> Result<Option<git::Making>, TravelError> {
    let Some(root) = created.repository.as_ref().map(|r| PathBuf::from(&r.root)) else {
        notes.push(Note::FilesStay);
        return Ok(None);
    };
    let gone = || git::Error::NotARepository { path: root.clone() };
    let repository = git::discover(&root)?.ok_or_else(gone)?;
    let parent = past.state.created.worktree.as_ref();
    if past.commit().is_none() && repository.facts().head.is_none() {
        notes.push(Note::NoCommit);
        return Ok(None);
    }
    let (making, is_known) = at_point(home, &repository, past, (&created.name, id))?;
    if !is_known {
        notes.push(Note::FilesUnknown);
    }
    let made = making.created();
    // In the folder of the tree in which its parent stood in its own.
    let old_root = parent.map_or_else(|| root.clone(), |tree| PathBuf::from(&tree.path));
    let below = Path::new(&created.cwd).strip_prefix(old_root).unwrap_or(Path::new("")).to_owned();
    created.cwd = made.place.path.join(below).display().to_string().trim_end_matches('/').to_owned();
    created.worktree = Some(Worktree {
        path: made.place.path.display().to_string(),
        git_dir: made.place.git_dir.display().to_string(),
        branch: made.branch.clone(),
        base: made.base_commit.clone(),
        from: parent.map_or_else(|| repository.facts().branch.clone().unwrap_or_default(), |tree| tree.from.clone()),
        variables: Vec::new(),
    });
    let wishes = &new.wishes;
    if *wishes != ace_config::Worktree::default()
        && let Some(own) = repository.facts().root.as_ref().filter(|root| new.cwd.starts_with(root))
    {
        crate::furnish(&making, own, (id, created), wishes)?;
    }
    Ok(Some(making))
}

/// Makes a worktree of this name below the home's folder `id` with the files of that moment, and whether they were recorded. It is
/// taken back unless it is finished.
///
/// # Errors
/// See [`TravelError`]; nothing is left behind.
pub fn at_point(
    home: &Home,
    repository: &git::Repository,
    past: &Point,
    (name, id): (&str, &str),
) -> Result<(git::Making, bool), TravelError> {
    let root = repository.facts().root.clone().unwrap_or_default();
    let folder = root.file_name().map_or_else(|| "work".into(), std::ffi::OsStr::to_owned);
    let path = home.worktree(id).join(folder);
    let making = git::begin(repository, name, &path, past.commit(), git::Carry::Leave)?;
    let Some(tree) = past.tree() else { return Ok((making, false)) };
    let Some(pool) = pool(&past.state.created, &pools(home))? else { return Ok((making, false)) };
    let ground = git::Ground::of(&making.created().place)?;
    git::Lens::open(&pool, &ground, None)?.restore(tree).map_err(kept)?;
    Ok((making, true))
}

fn kept(e: git::Error) -> TravelError {
    match e {
        git::Error::BadRevision { .. } => TravelError::FilesGone,
        e => TravelError::Git(e),
    }
}

/// A session that went back.
#[derive(Debug, Clone)]
pub struct Rewound {
    /// The record of it.
    pub seq: u64,
    /// The last record that counts.
    pub to: u64,
    /// The record to go back to for undoing this.
    pub from: u64,
    /// Files that were written and removed; `None` where files are not recorded.
    pub files: Option<(usize, usize)>,
}

/// Moves a session's conversation and files back to one of its records. What was there before is recorded first.
///
/// # Errors
/// See [`TravelError`]; the session goes on from where it was.
pub fn rewind(
    home: &Home,
    log: &Log,
    to: u64,
    person: &str,
    clock: &Clock,
    random: u64,
) -> Result<Rewound, TravelError> {
    let Some(_runner) = log.runner()? else { return Err(TravelError::Busy) };
    let now = at(log, None)?;
    let past = before(log, &now.state, to)?;
    let target = past.tree().map(str::to_owned);
    go_back(home, log, &now.state, (to, target), (person, clock, random))
}

/// Takes the last turn back: the same as a rewind to the record before it.
///
/// # Errors
/// See [`TravelError`].
pub fn undo(home: &Home, log: &Log, person: &str, clock: &Clock, random: u64) -> Result<Rewound, TravelError> {
    let Some(_runner) = log.runner()? else { return Err(TravelError::Busy) };
    let now = at(log, None)?;
    let to = now.state.before_last_turn().ok_or(TravelError::NothingToUndo)?;
    let past = before(log, &now.state, to)?;
    // What a person changed before the turn began stays: it was seen at the turn's beginning.
    let target = past.next.as_deref().or(past.tree()).map(str::to_owned);
    go_back(home, log, &now.state, (to, target), (person, clock, random))
}

/// The session at the record `to`, if there is a way from `now` to it.
fn before(log: &Log, now: &State, to: u64) -> Result<Point, TravelError> {
    if now.turn.is_some() || !now.claims.is_empty() {
        return Err(TravelError::Running);
    }
    if now.created.worktree.as_ref().is_some_and(|tree| !std::path::Path::new(&tree.path).is_dir()) {
        return Err(TravelError::WorktreeGone);
    }
    if now.past.ways() >= limits::REWINDS {
        return Err(TravelError::TooOften);
    }
    if to == 0 || to >= now.head {
        return Err(TravelError::NoLine { wanted: to, last: now.head });
    }
    at(log, Some(to))
}

fn go_back(
    home: &Home,
    log: &Log,
    now: &State,
    (to, target): (u64, Option<String>),
    (person, clock, random): (&str, &Clock, u64),
) -> Result<Rewound, TravelError> {
    let mut appender = log.append(clock.clone())?;
    let pen = appender.open_pen(Kind::Person)?;
    let mut drafter = Drafter::new("ace-session", random);
    drafter.set_session(&now.session);
    let mut record = |(_, line): (String, Vec<u8>)| -> Result<u64, TravelError> {
        let appended = appender.append(pen.nib(), &line)?;
        match appended.refused.first() {
            Some(refusal) => Err(io::Error::other(refusal.to_string()).into()),
            None => Ok(appended.last_seq),
        }
    };
    let mut from = now.head;
    let mut files = None;
    let mut tree = String::new();
    if let (Some(site), Some(target)) = (Site::of(&now.created, &pools(home))?, target) {
        let known = if now.tree.is_empty() { site.base.as_deref() } else { Some(now.tree.as_str()) };
        let mut lens = git::Lens::open(&site.pool, &site.ground, known).map_err(kept)?;
        let look = lens.look()?;
        if look.is_new() || now.tree.is_empty() {
            let commit = site.ground.head()?.unwrap_or_default();
            let snapshot =
                WorktreeSnapshot { tree: look.tree, commit, why: "rewind".to_owned(), ..WorktreeSnapshot::default() };
            from = record(drafter.draft(0, "", ty::WORKTREE_SNAPSHOT, &snapshot))?;
        }
        let restored = lens.restore(&target).map_err(kept)?;
        files = Some((restored.written, restored.removed));
        tree = restored.tree;
    }
    let data = SessionRewound { to, tree, who: person.to_owned() };
    let seq = record(drafter.draft(0, "", ty::SESSION_REWOUND, &data))?;
    Ok(Rewound { seq, to, from, files })
}
