//! What a confined process may reach: namespaces, Landlock, seccomp, a clean environment. It knows no tool, no event and
//! no rule; who may do what is decided above and arrives here as a [`Profile`].
//!
//! A process confines itself once, at its start, while it has a single thread: [`confine`] for a filter, [`enter`] for a
//! worker that starts other programs. Everything it starts afterwards inherits the confinement, so that a tool call costs
//! nothing extra.
//!
//! Invariant: a layer the kernel does not give is named in [`Applied::lacking`], and refused if the profile requires it;
//! nothing is left out in silence.

mod applied;
mod environment;
mod git;
mod places;
mod plan;
mod profile;
#[cfg(any(target_os = "macos", test))]
mod seatbelt;

pub use applied::{Applied, Ceiling, Lack, Layer, Refused, Resource};
pub use environment::{CORE, environment, holds_secret, is_secret};
pub use git::Git;
pub use profile::{Access, Grant, Limits, Network, Profile, Worker};

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use linux::{confine, enter, give_back, missing, probe};

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(not(target_os = "linux"))]
pub use elsewhere::{confine, enter, give_back, missing, probe};
