//! The local tools (read, list, glob, grep, write, edit, patch, shell, job, todo): pure functions of a call and a [`Place`], the loop of the
//! worker process that runs them, and the broker's end of the line to it. They run inside a confinement that somebody else
//! has made, and know no log, no event envelope, no rule and no network.
//!
//! Invariant: no byte from outside the worktree and the session's temporary folder is returned, and none is written outside
//! of the worktree, whatever the names, links and races: the kernel resolves the paths, beneath a folder that is held open.

mod arguments;
mod bench;
mod beneath;
mod call;
mod capture;
mod delta;
mod fence;
mod jobs;
mod kept;
mod leash;
mod names;
mod serve;
mod spawn;
mod tool;
mod worker;

pub use bench::{Bench, Cancel, Place};
pub use call::{Answer, Blobs, Completed, Failed, Kept, KeptImage, Outcome, Request};
pub use capture::open_spill;
pub use serve::serve;
pub use worker::Worker;
