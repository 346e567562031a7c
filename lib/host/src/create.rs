//! A new session: its worktree and branch first, then its folder with the first records, as a whole.

use ace_redact::Redactor;
use ace_schema::data::{Batch, BlobRef, Limits, Repository, SessionCreated, UserMessage, Worktree};
use ace_schema::hook::Hook;
use ace_schema::permission::Mode;
use ace_schema::redaction;
use ace_schema::{Drafter, Kind, draft, id, limits, ty};
use ace_storage::{Clock, CreateError, Home};
use ace_worktree as git;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::path::{Path, PathBuf};

/// What a new session is to be like.
#[derive(Debug, Clone, Default)]
pub struct NewSession {
    /// The first message.
    pub prompt: String,
    /// What is shown with it.
    pub images: Vec<Picture>,
    /// `provider/model`.
    pub model: String,
    /// What needs asking.
    pub mode: Mode,
    /// Its limits.
    pub limits: Limits,
    /// Hooks that it waits for.
    pub hooks: Vec<Hook>,
    /// Tools without a sandbox.
    pub unsandboxed: bool,
    /// Profile of the sandbox; empty for the default.
    pub sandbox: String,
    /// JSON Schema that the first answer has to fit; empty if any will do.
    pub schema: String,
    /// Name; empty for the prompt's first words.
    pub name: String,
    /// Revision the worktree starts from; empty for HEAD.
    pub base: String,
    /// Bring uncommitted changes along.
    pub carry: bool,
    /// Work in place even inside a repository.
    pub in_place: bool,
    /// Where the person stands.
    pub cwd: PathBuf,
    /// The person.
    pub owner: String,
    /// The machine.
    pub host: String,
    /// Hex SHA-256 of the effective configuration.
    pub config: String,
    /// Through which client.
    pub client: String,
    /// What is taken out of the prompt before it is recorded.
    pub redact: Option<Redactor>,
    /// Digest of what the run depends on; empty where nobody named its inputs.
    pub inputs: String,
    /// The batch that it is one of.
    pub batch: Option<Batch>,
    /// What its worktree shall have.
    pub wishes: ace_config::Worktree,
}

/// A picture that a person shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Media type, `image/png`.
    pub media: String,
    /// Width and height, pixels.
    pub size: (usize, usize),
    /// As the file has it.
    pub bytes: Vec<u8>,
}

/// What a person says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Said<'a> {
    /// The text.
    pub text: &'a str,
    /// What is shown with it.
    pub images: &'a [Picture],
    /// JSON Schema that the answer has to fit; empty for none.
    pub schema: &'a str,
    /// Who says it.
    pub author: &'a str,
    /// Through which client.
    pub client: &'a str,
    /// It steers the running turn.
    pub now: bool,
}

/// A session that was made.
#[derive(Debug, Clone)]
pub struct Made {
    /// Its id.
    pub id: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Its first record.
    pub created: SessionCreated,
    /// What people should know.
    pub notes: Vec<Note>,
}

/// What people should know about a session that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// It works in place: there is no repository here.
    NotARepository,
    /// It works in place: the repository has no commit to start from.
    NoCommit,
    /// Uncommitted files that stay behind, and the short id of HEAD.
    StaysBehind {
        /// How many files.
        files: usize,
        /// Where the worktree starts.
        head: String,
    },
    /// A fork outside git: it works where its parent does, on the files as they are.
    FilesStay,
    /// A fork of a session of whose files nothing is recorded at that moment: its worktree holds the commit alone.
    FilesUnknown,
    /// Secrets stood in the prompt; what is recorded, and what the model sees, has none.
    Redacted {
        /// How many.
        secrets: usize,
    },
    /// HEAD is on no branch; landing will need one.
    Detached {
        /// Where the worktree starts.
        head: String,
    },
}

/// Why no session was made. Nothing is left behind.
#[derive(Debug, thiserror::Error)]
pub enum NewError {
    /// There is nothing to do.
    #[error("the prompt is empty")]
    EmptyPrompt,
    /// More than a model could read.
    #[error("the prompt has {bytes} bytes, the limit is {}", limits::PROMPT_BYTES)]
    HugePrompt {
        /// Its bytes.
        bytes: usize,
    },
    /// The name has characters that a branch cannot have, or too many.
    #[error("the name '{0}' does not fit a branch")]
    Name(String),
    /// Git.
    #[error(transparent)]
    Git(#[from] git::Error),
    /// Its worktree could not be made ready.
    #[error(transparent)]
    Furnish(#[from] crate::FurnishError),
    /// The session's folder.
    #[error(transparent)]
    Create(#[from] CreateError),
}

/// Makes a session. `random` gives two numbers that nobody else has.
///
/// # Errors
/// See [`NewError`].
pub fn create(home: &Home, new: &NewSession, clock: &Clock, random: (u64, u64)) -> Result<Made, NewError> {
    if new.prompt.trim().is_empty() {
        return Err(NewError::EmptyPrompt);
    }
    if new.prompt.len() > limits::PROMPT_BYTES {
        return Err(NewError::HugePrompt { bytes: new.prompt.len() });
    }
    let id = id::session(u64::try_from(clock.now()).unwrap_or(0), random.0);
    let mut notes = Vec::new();
    let mut new = new.clone();
    if let Some(redactor) = new.redact.take().map(|redactor| redactor.of_session(&id)) {
        if let Some(clean) = redactor.text(&new.prompt) {
            let secrets = redaction::count(&clean).saturating_sub(redaction::count(&new.prompt));
            notes.push(Note::Redacted { secrets });
            new.prompt = clean;
        }
        // A placeholder fits no branch: what is left of such a name is one.
        if let Some(clean) = redactor.text(&new.name) {
            new.name = name_of(&redaction::without(&clean));
        }
    }
    let new = &new;
    let wanted = if new.name.is_empty() { name_of(&redaction::without(&new.prompt)) } else { new.name.clone() };
    if !is_name(&wanted) {
        return Err(NewError::Name(wanted));
    }
    // Until the session is there: two that begin at once with the same words are two.
    let held = home.hold_name(&wanted).map_err(CreateError::from)?;
    let mut created = SessionCreated {
        name: held.name().to_owned(),
        owner: new.owner.clone(),
        host: new.host.clone(),
        cwd: new.cwd.display().to_string(),
        model: new.model.clone(),
        mode: new.mode,
        limits: new.limits.clone(),
        hooks: new.hooks.clone(),
        unsandboxed: new.unsandboxed,
        sandbox: new.sandbox.clone(),
        config: new.config.clone(),
        inputs: new.inputs.clone(),
        batch: new.batch.clone(),
        ..SessionCreated::default()
    };
    let making = place(home, new, &id, &mut created, &mut notes)?;
    let drafts = first_drafts(new, &id, &created, random.1);
    // If that fails the worktree goes too: it was made for a session that does not exist.
    let folder = home.create(&id, Kind::Person, &drafts, clock)?;
    let _ = making.map(git::Making::finish);
    Ok(Made { id, folder, created, notes })
}

/// Decides where the session works, and makes its worktree if it gets one; it is taken back unless it is finished.
fn place(
    home: &Home,
    new: &NewSession,
    id: &str,
    created: &mut SessionCreated,
    notes: &mut Vec<Note>,
) -> Result<Option<git::Making>, NewError> {
    let Some(repository) = git::discover(&new.cwd)? else {
        if !new.in_place {
            notes.push(Note::NotARepository);
        }
        return Ok(None);
    };
    let facts = repository.facts();
    let Some(root) = &facts.root else { return Err(git::Error::Bare.into()) };
    created.repository = Some(Repository {
        root: root.display().to_string(),
        root_commit: repository.root_commit()?.unwrap_or_default(),
    });
    if new.in_place {
        return Ok(None);
    }
    let Some(head) = facts.head_short().map(str::to_owned) else {
        notes.push(Note::NoCommit);
        return Ok(None);
    };
    if facts.branch.is_none() {
        notes.push(Note::Detached { head: head.clone() });
    }
    if !new.carry {
        let changed = repository.changed()?;
        if !changed.is_clean() {
            notes.push(Note::StaysBehind { files: changed.tracked + changed.untracked, head });
        }
    }
    let folder = root.file_name().map_or_else(|| "work".into(), std::ffi::OsStr::to_owned);
    let path = home.worktree(id).join(folder);
    let base = (!new.base.is_empty()).then_some(new.base.as_str());
    let carry = if new.carry { git::Carry::Bring } else { git::Carry::Leave };
    let making = git::begin(&repository, &created.name, &path, base, carry)?;
    let made = making.created().clone();
    // The person may stand in a subfolder; the session works in the same one of its own tree.
    let below = new.cwd.strip_prefix(root).unwrap_or(Path::new(""));
    let cwd = if below.as_os_str().is_empty() { made.place.path.clone() } else { made.place.path.join(below) };
    created.cwd = cwd.display().to_string();
    created.worktree = Some(Worktree {
        path: made.place.path.display().to_string(),
        git_dir: made.place.git_dir.display().to_string(),
        branch: made.branch,
        base: made.base_commit,
        from: facts.branch.clone().unwrap_or_default(),
        variables: Vec::new(),
    });
    crate::furnish(&making, root, (id, created), &new.wishes)?;
    Ok(Some(making))
}

fn first_drafts(new: &NewSession, id: &str, created: &SessionCreated, random: u64) -> Vec<u8> {
    let mut drafter = Drafter::new("ace-session", random);
    drafter.set_session(id);
    let (_, mut drafts) = drafter.draft(0, "", ty::SESSION_CREATED, created);
    let said = Said {
        text: &new.prompt,
        images: &new.images,
        schema: &new.schema,
        author: &new.owner,
        client: &new.client,
        ..Said::default()
    };
    drafts.extend(message_drafts(&mut drafter, said).1);
    drafts
}

/// A message of a person as drafts, with the lines of its blobs ahead; the message's id first.
pub fn message_drafts(drafter: &mut Drafter, said: Said) -> (String, Vec<u8>) {
    let mut drafts = Vec::new();
    let mut blob = |bytes: &[u8], media: &str| {
        let sha = ace_core::digest(bytes);
        drafts.extend(draft::blob_lines(&sha, bytes, |b| BASE64_STANDARD.encode(b)).concat());
        BlobRef { sha, bytes: bytes.len() as u64, media: media.to_owned() }
    };
    let long = said.text.len() > limits::INLINE_BYTES;
    let schema = said.schema.as_bytes();
    let message = UserMessage {
        schema: (!schema.is_empty()).then(|| blob(schema, "application/schema+json")),
        text: if long { String::new() } else { said.text.to_owned() },
        blob: long.then(|| blob(said.text.as_bytes(), "text/plain")),
        images: said.images.iter().take(limits::IMAGES).map(|image| blob(&image.bytes, &image.media)).collect(),
        author: said.author.to_owned(),
        client: said.client.to_owned(),
        now: said.now,
        ..UserMessage::default()
    };
    let (id, line) = drafter.draft(0, "", ty::USER_MESSAGE, &message);
    drafts.extend(line);
    (id, drafts)
}

/// Whether the text can name a session and its branch: letters, digits, dots and dashes, as git and the shell like them.
pub(crate) fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty()
        && text.len() <= limits::NAME_BYTES
        && text.chars().all(fits)
        && !text.starts_with(['-', '.'])
        && !text.ends_with('.')
        && !text.contains("..")
        && !text.ends_with(".lock")
}

/// A name made of a prompt's first words.
#[must_use]
pub fn name_of(prompt: &str) -> String {
    let words: Vec<String> = prompt
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .take(12)
        .map(|w| w.to_lowercase())
        .collect();
    let mut name = String::new();
    for word in &words {
        let length = name.chars().count() + usize::from(!name.is_empty()) + word.chars().count();
        if length > limits::NAME_FROM_PROMPT {
            break;
        }
        if !name.is_empty() {
            name.push('-');
        }
        name.push_str(word);
    }
    if name.is_empty() {
        // One long word, or none at all.
        name = words.first().map_or("session".to_owned(), |w| w.chars().take(limits::NAME_FROM_PROMPT).collect());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_a_prompts_first_words() {
        assert_eq!(name_of("Make the tests pass!"), "make-the-tests-pass");
        assert_eq!(name_of("the even case of the median is wrong, fix it"), "the-even-case-of-the");
        assert_eq!(name_of("…"), "session");
        assert_eq!(name_of("$(rm -rf /)"), "rm-rf");
        assert_eq!(name_of(&"x".repeat(80)).len(), 24);
        for prompt in ["fix", "Überlauf beheben", "a.b..c", "--help"] {
            assert!(is_name(&name_of(prompt)), "{prompt}");
        }
    }

    #[test]
    fn names_that_no_branch_can_have_are_refused() {
        for name in ["", "-x", ".x", "a b", "a/b", "a..b", "x.lock", "a\n", "~", &"x".repeat(65)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
