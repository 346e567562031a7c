//! The keeper: the append-only log, its bell, pens and blobs. It knows no turn, model or terminal.
//!
//! A session is a folder under a [`Home`]; [`Home::create`] makes one, [`Log`] opens one, [`Appender`] records, [`Follower`] reads
//! what is on the disk as it grows, [`Log::verify`] believes nothing. [`Store`] is the port all that stands behind, and
//! [`Memory`] the other thing behind it.

#![deny(unsafe_code)]

mod ancestry;
mod append;
mod batch;
#[allow(unsafe_code, reason = "shared memory: see there")]
mod bell;
mod blobs;
mod chalk;
mod clock;
mod find;
mod follow;
mod foreign;
mod hands;
mod hash;
mod home;
mod index;
mod ledger;
mod lines;
mod log;
mod memory;
mod names;
mod parts;
mod pens;
mod quota;
mod recover;
mod scrub;
mod store;
mod tables;
mod tail;
mod verify;

pub use append::Appender;
pub use blobs::{BlobError, Blobs};
pub use clock::{Clock, stamp};
pub use find::{FindError, Found};
pub use follow::Follower;
pub use foreign::{Stage, beside, grow, is_foreign};
pub use hash::{hex, is_sha, sha256};
pub use home::{CreateError, Home, SessionRef};
pub use index::{Hit, Index, IndexError, Row as IndexRow, Words};
pub use lines::{Lines, Piece, split};
pub use log::Log;
pub use memory::{Memory, MemoryFollower};
pub use names::HeldName;
pub use pens::{Pen, Runner};
pub use quota::{Book, Quota, QuotaError};
pub use recover::{RecoverError, Recovered};
pub use scrub::Scrubbed;
pub use store::{AppendError, Appended, Fault, Follow, Nib, Refusal, Store, Why};
pub use tables::{Cell, Found as Rows, QueryError, Tables};
pub use verify::{Anchor, Damage, Report};
