//! One file a tool: from checked arguments to an outcome. A tool knows no other tool and no protocol.

pub(crate) mod edit;
pub(crate) mod glob;
pub(crate) mod grep;
pub(crate) mod job;
pub(crate) mod list;
pub(crate) mod patch;
pub(crate) mod read;
pub(crate) mod shell;
pub(crate) mod todo;
pub(crate) mod write;

mod compare;
mod image;
mod nearest;
mod notebook;
mod walk;

use std::time::Duration;

use crate::call::{Completed, Kept};

/// Something was told and nothing changed.
fn told(output: Kept) -> Completed {
    Completed { output, ..Completed::default() }
}

/// A limit in milliseconds.
const fn ms(limit: u64) -> Duration {
    Duration::from_millis(limit)
}
