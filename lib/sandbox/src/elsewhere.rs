//! Systems without Landlock, seccomp and namespaces. On macOS one layer stands for all, Seatbelt; elsewhere every layer is lacking,
//! and a profile that requires one is refused.

use crate::{Applied, Layer, Profile, Refused};

/// Why a layer of Linux is lacking.
const WHY: &str =
    if cfg!(target_os = "macos") { "only Linux has it" } else { "only Linux and macOS have a sandbox here" };

/// As on Linux, with the layers that there are.
///
/// # Errors
/// As on Linux.
pub fn confine(profile: &Profile) -> Result<Applied, Refused> {
    let mut applied = Applied::default();
    for layer in profile.layers.iter().filter(|layer| **layer != Layer::Seatbelt) {
        applied.lack(*layer, WHY);
    }
    #[cfg(target_os = "macos")]
    if profile.layers.contains(&Layer::Seatbelt) {
        darwin::apply(profile, &mut applied)?;
    }
    #[cfg(not(target_os = "macos"))]
    if profile.layers.contains(&Layer::Seatbelt) {
        applied.lack(Layer::Seatbelt, "only macOS has it");
    }
    applied.check(profile)
}

/// As on Linux, but nothing is forked: what a worker leaves behind is not ended with it.
///
/// # Errors
/// As on Linux.
pub fn enter(profile: &Profile) -> Result<Applied, Refused> {
    let mut applied = confine(profile)?;
    applied.gaps.push("what a worker leaves behind outlives it".to_owned());
    Ok(applied)
}

/// What there is, without trying it.
///
/// # Errors
/// None.
pub fn probe() -> Result<Applied, Refused> {
    let mut applied = Applied::default();
    for layer in Layer::ALL {
        if *layer == Layer::Seatbelt {
            applied.held.insert(*layer);
        } else {
            applied.lack(*layer, WHY);
        }
    }
    Ok(applied)
}

/// The first layer without which nothing is called a sandbox and that is not there.
pub fn missing() -> Option<crate::Lack> {
    let layer = *Layer::LEAST.iter().find(|layer| **layer != Layer::Seatbelt)?;
    Some(crate::Lack { layer, why: WHY.to_owned() })
}

#[cfg(target_os = "macos")]
#[allow(unsafe_code, reason = "the system's own call, which no crate wraps")]
mod darwin {
    use std::ffi::{CStr, CString, c_char, c_int};

    use crate::plan::Plan;
    use crate::seatbelt::seatbelt;
    use crate::{Access, Applied, Layer, Profile, Refused};

    // Part of libSystem; see sandbox(7) there.
    unsafe extern "C" {
        fn sandbox_init(profile: *const c_char, flags: u64, error: *mut *mut c_char) -> c_int;
        fn sandbox_free_error(error: *mut c_char);
    }

    /// Applies the layer for good.
    pub(super) fn apply(profile: &Profile, applied: &mut Applied) -> Result<(), Refused> {
        let plan = Plan::of(profile)?;
        let mut entries = plan.entries;
        entries.retain(|path, _| !plan.sources.contains_key(path));
        entries.extend(plan.absent.into_iter().map(|path| (path, Access::Read)));
        entries.extend(plan.hidden.into_iter().map(|path| (path, Access::Hidden)));
        let failed = |why: String| Refused::System { step: "apply seatbelt", source: std::io::Error::other(why) };
        let text = CString::new(seatbelt(profile, &entries, None)).map_err(|e| failed(e.to_string()))?;
        let mut error: *mut c_char = std::ptr::null_mut();
        // SAFETY: the text ends in NUL and outlives the call; the error is read and freed below and nowhere else.
        let done = unsafe { sandbox_init(text.as_ptr(), 0, &raw mut error) };
        if done == 0 {
            applied.held.insert(Layer::Seatbelt);
            applied.gaps.push("the loopback is closed: there is none of its own".to_owned());
            applied.gaps.push("caches can only be read: nothing layers them".to_owned());
            return Ok(());
        }
        let why = if error.is_null() {
            "refused".to_owned()
        } else {
            // SAFETY: not null, so a C string that the call has made.
            let why = unsafe { CStr::from_ptr(error) }.to_string_lossy().into_owned();
            // SAFETY: as above; it is not used again.
            unsafe { sandbox_free_error(error) };
            why
        };
        Err(failed(why))
    }
}

/// Nothing is given back here.
pub fn give_back() {}
