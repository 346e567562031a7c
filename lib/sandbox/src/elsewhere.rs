//! Systems without Landlock, seccomp and namespaces: every layer is lacking, and a profile that requires one is refused.

use crate::{Applied, Layer, Profile, Refused};

/// As on Linux, but nothing holds.
pub fn confine(profile: &Profile) -> Result<Applied, Refused> {
    let mut applied = Applied::default();
    for layer in &profile.layers {
        applied.lack(*layer, "only Linux has it");
    }
    applied.check(profile)
}

/// As on Linux, but nothing holds and nothing is forked.
pub fn enter(profile: &Profile) -> Result<Applied, Refused> {
    confine(profile)
}

/// As on Linux, but nothing holds.
pub fn probe() -> Result<Applied, Refused> {
    let mut applied = Applied::default();
    for layer in Layer::ALL {
        applied.lack(layer, "only Linux has it");
    }
    Ok(applied)
}

/// As on Linux: there is nothing to look for.
pub fn missing() -> Option<crate::Lack> {
    Some(crate::Lack { layer: Layer::Landlock, why: "only Linux has it".to_owned() })
}
