//! In whose name commits are made. It is the one place that reads the user's own git settings, and it
//! reads nothing of them but a name and an address.

use gix::bstr::ByteSlice;

/// A name and a mail address, as they stand in a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The person's name.
    pub name: String,
    /// The person's mail address.
    pub email: String,
}

/// `user.name` and `user.email` from the user's (or the system's) git settings, never from a repository.
#[must_use]
pub fn user_identity() -> Option<Identity> {
    let config = gix::config::File::from_globals().ok()?;
    let text = |key: &str| Some(config.string(key)?.to_str_lossy().trim().to_owned()).filter(|text| !text.is_empty());
    Some(Identity { name: text("user.name")?, email: text("user.email")? })
}
