//! A session's own git worktree and branch: make it, look at it, commit it, land it, take it away.
//! It must never know what a session, a model or a terminal is, and it prints nothing.
//!
//! A worktree that an agent has touched is hostile, and so is the configuration beside it. Every
//! repository is therefore opened as if it belonged to somebody else: its settings are data
//! (`core.autocrlf` is honoured), but nothing it names is ever started. The one exception is
//! [`land`], where a merge is made by the `git` program in the user's own name.

mod attest;
mod branch;
mod bring;
mod browse;
mod carry;
mod clean;
mod commit;
mod conflict;
mod create;
mod diff;
mod error;
mod fingerprint;
mod git;
mod ground;
mod identity;
mod land;
mod lens;
mod linked;
mod list;
mod making;
mod materialise;
mod mirror;
mod note;
mod packed;
mod pass;
mod patch;
mod pool;
mod push;
mod rebase;
mod recover;
mod remove;
mod repository;
mod restore;
mod rewritten;
mod scan;
mod store;
mod target;
mod trace;
mod tree;

pub use attest::{attest, attested};
pub use bring::{Brought, Item, Way, bring};
pub use browse::Filed;
pub use clean::Cleaned;
pub use commit::{Committed, commit_all};
pub use conflict::Clash;
pub use create::{Carry, Created, Making, begin, create};
pub use diff::{Diff, FileChange, FileStatus, diff};
pub use error::Error;
pub use fingerprint::{altered, fingerprint};
pub use ground::{Ground, common_dir_of};
pub use identity::{Identity, user_identity};
pub use land::{How, Landed, Words, land, patches};
pub use lens::{Lens, Look};
pub use linked::Place;
pub use list::{Listed, inspect, list, lock, unlock};
pub use mirror::{State, mirror};
pub use pass::LeftOut;
pub use pool::Pool;
pub use push::{Remote, push, remote};
pub use recover::{Lost, Recovered, recover};
pub use remove::{Force, Pruned, Removed, Rules, Verdict, cache_of, prune, remove, stray_branches, sweep};
pub use repository::{Changed, Facts, Repository, discover};
pub use restore::Restored;
pub use rewritten::{Editor, Rewritten};
pub use store::Store;
pub use trace::Trace;
