//! What holds after confinement, what does not and why. Plain values: they travel into events and into `ace doctor`.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Profile;

/// One layer of confinement. Each stands by itself; together they cover each other's holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// A user namespace: no capability over the host, no way into other processes of the same user. Brings its own System V IPC.
    User,
    /// A view of the file system in which only the granted paths exist, and only the writable ones can be written.
    Mount,
    /// A network namespace without a way out.
    Net,
    /// A process tree of its own that dies as a whole. Only [`crate::enter`] can give it.
    Pid,
    /// Landlock: files by path, TCP, and from ABI 6 signals and abstract sockets.
    Landlock,
    /// seccomp: system calls that no tool needs.
    Seccomp,
    /// Seatbelt, the sandbox of macOS: files by path, the network, other processes.
    Seatbelt,
}

impl Layer {
    /// All layers that there are on this system, from the outermost inwards.
    #[cfg(target_os = "macos")]
    pub const ALL: &[Layer] = &[Layer::Seatbelt];
    /// All layers that there are on this system, from the outermost inwards.
    #[cfg(not(target_os = "macos"))]
    pub const ALL: &[Layer] = &[Layer::User, Layer::Mount, Layer::Net, Layer::Pid, Layer::Landlock, Layer::Seccomp];

    /// The least that is called a sandbox on this system.
    #[cfg(target_os = "macos")]
    pub const LEAST: &[Layer] = &[Layer::Seatbelt];
    /// The least that is called a sandbox on this system: what a kernel without user namespaces still gives.
    #[cfg(not(target_os = "macos"))]
    pub const LEAST: &[Layer] = &[Layer::Landlock, Layer::Seccomp];

    /// The name used in events, reports and profiles.
    pub fn name(self) -> &'static str {
        match self {
            Layer::User => "user",
            Layer::Mount => "mount",
            Layer::Net => "net",
            Layer::Pid => "pid",
            Layer::Landlock => "landlock",
            Layer::Seccomp => "seccomp",
            Layer::Seatbelt => "seatbelt",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A wanted layer that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lack {
    /// Which one.
    pub layer: Layer,
    /// Why, in the kernel's words where it gave any.
    pub why: String,
}

/// What a ceiling is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resource {
    /// Memory, bytes.
    Memory,
    /// Processes and threads.
    Processes,
}

impl Resource {
    /// The name used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Resource::Memory => "memory",
            Resource::Processes => "processes",
        }
    }
}

/// A ceiling in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceiling {
    /// Of what.
    pub what: Resource,
    /// The most of it: bytes or processes.
    pub most: u64,
    /// What enforces it, in words.
    pub how: String,
}

/// What confinement achieved. Its [`fmt::Display`] is the `sandbox` text of an event: `user+mount+net+pid+landlock:7+seccomp`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The layers that hold.
    pub held: BTreeSet<Layer>,
    /// The Landlock ABI in force, 0 without Landlock.
    pub landlock_abi: u32,
    /// The layers that were wanted and do not hold.
    pub lacking: Vec<Lack>,
    /// Ceilings that hold.
    pub ceilings: Vec<Ceiling>,
    /// Single promises of the profile that nothing enforces here, one sentence each.
    pub gaps: Vec<String>,
}

impl Applied {
    /// Whether `layer` holds.
    pub fn holds(&self, layer: Layer) -> bool {
        self.held.contains(&layer)
    }

    /// Whether there is a ceiling for this.
    pub fn limits(&self, what: Resource) -> bool {
        self.ceilings.iter().any(|ceiling| ceiling.what == what)
    }

    pub(crate) fn lack(&mut self, layer: Layer, why: impl fmt::Display) {
        self.held.remove(&layer);
        self.lacking.push(Lack { layer, why: why.to_string() });
    }

    /// Refuses if a layer that the profile requires is lacking.
    pub(crate) fn check(self, profile: &Profile) -> Result<Self, Refused> {
        let Some(layer) = profile.require.iter().find(|layer| !self.holds(**layer)) else {
            return Ok(self);
        };
        let why = self
            .lacking
            .iter()
            .find(|lack| lack.layer == *layer)
            .map_or_else(|| "the profile does not ask for it".to_owned(), |lack| lack.why.clone());
        Err(Refused::Lacking { layer: *layer, why })
    }
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.held.is_empty() {
            f.write_str("none")?;
        }
        for (k, layer) in self.held.iter().enumerate() {
            if k > 0 {
                f.write_str("+")?;
            }
            match layer {
                Layer::Landlock => write!(f, "landlock:{}", self.landlock_abi)?,
                other => f.write_str(other.name())?,
            }
        }
        for (k, lack) in self.lacking.iter().enumerate() {
            write!(f, "{} {} ({})", if k == 0 { "; without" } else { "," }, lack.layer, lack.why)?;
        }
        Ok(())
    }
}

/// Why a process was not confined. It must not go on: part of the confinement may already be in force.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Confinement binds one thread; with more of them the others would stay free.
    #[error("the process already has {0} threads")]
    Threads(usize),
    /// A path of the profile is not absolute, or cannot be reached.
    #[error("cannot grant {}: {why}", path.display())]
    Path {
        /// The path as the profile gave it.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A closed path inside a writable one leads through a symbolic link, so that what it names could be exchanged.
    #[error("{} is a symbolic link and cannot be closed", .0.display())]
    Link(PathBuf),
    /// A layer the profile requires does not hold here.
    #[error("no {layer} layer: {why}")]
    Lacking {
        /// Which one.
        layer: Layer,
        /// Why.
        why: String,
    },
    /// The system refused a step that had to succeed.
    #[error("{step}: {source}")]
    System {
        /// What was tried.
        step: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Refused {
    /// For `map_err`: names the step that failed.
    #[cfg(target_os = "linux")]
    pub(crate) fn at<E: Into<std::io::Error>>(step: &'static str) -> impl FnOnce(E) -> Refused {
        move |source| Refused::System { step, source: source.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_what_holds_and_what_lacks() {
        let mut applied = Applied { landlock_abi: 7, ..Applied::default() };
        assert_eq!(applied.to_string(), "none");
        applied.held.extend([Layer::Seccomp, Layer::Landlock, Layer::User]);
        assert_eq!(applied.to_string(), "user+landlock:7+seccomp");
        applied.lack(Layer::User, "forbidden");
        applied.lack(Layer::Net, "absent");
        assert_eq!(applied.to_string(), "landlock:7+seccomp; without user (forbidden), net (absent)");
    }

    #[test]
    fn a_required_layer_that_lacks_is_refused_with_its_reason() {
        let mut profile = Profile::reader();
        profile.require = [Layer::Net].into();
        let mut applied = Applied::default();
        applied.lack(Layer::Net, "absent");
        let refused = applied.check(&profile).expect_err("net is required");
        assert_eq!(refused.to_string(), "no net layer: absent");
    }
}
