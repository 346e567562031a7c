//! Starts and supervises pipelines: the one way any client creates, runs, cancels and answers a session.
//!
//! Invariant: it speaks to no person and no provider. What it tells, it tells as values; what it does, it does by starting the
//! suite's own programs and recording under pens that say who wrote.

pub mod again;
mod clean;
mod create;
mod crew;
pub mod deciders;
mod feed;
mod furnish;
mod gate;
mod hub;
pub mod instructions;
mod join;
pub mod laws;
mod news;
mod pens;
mod point;
mod rebase;
mod rounds;
pub mod rules;
mod scratch;
mod settings;
mod site;
pub mod spending;
mod stage;
mod star;
mod steps;
mod travel;
mod trust;
mod urgency;

pub use clean::{GATHERED, Kept};
pub use create::{Made, NewError, NewSession, Note, Picture, Said, create, message_drafts, name_of};
pub use furnish::{FurnishError, furnish};
pub use gate::REDACT;
pub use join::{join, kind_of};
pub use pens::Undertaker;
pub use point::{Point, point};
pub use rebase::{Change, RebaseError, Rebased, changes, rebase};
pub use rounds::Rounds;
pub use scratch::Scratch;
pub use settings::{Places, SYSTEM_FILE, Settings, SettingsError, project_file, settings};
pub use site::{Site, pool, pools};
pub use spending::Spending;
pub use stage::{Begins, Programs, Stage, clean_environment, quota, suite};
pub use star::{Outcome, Plan, Seen, Star, StarError};
pub use steps::{Step, steps};
pub use travel::{NewFork, Rewound, TravelError, at_point, fork, rewind, undo};
pub use trust::Trust;
