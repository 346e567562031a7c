//! In whose name commits are made. It is the one place that reads the user's own git settings, and it
//! takes nothing from them but a name and an address.

use gix::bstr::ByteSlice;
use gix::config::Source;
use gix::config::file::{Metadata, includes, init};

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
    // Not the library's own list: for the settings beside the git program it would start that program.
    let files = [Source::System, Source::Git, Source::User].into_iter().filter_map(|source| {
        let path = source.storage_location(&mut |name| std::env::var_os(name)).filter(|path| path.is_file())?;
        Some(Metadata { path: Some(path), source, level: 0, trust: gix::sec::Trust::Full })
    });
    let home = std::env::home_dir();
    let options = init::Options {
        includes: includes::Options::follow_without_conditional(home.as_deref()),
        ..Default::default()
    };
    let config = gix::config::File::from_paths_metadata(files, options).ok()??;
    let text = |key: &str| {
        let text = config.string(key)?.to_str_lossy().trim().to_owned();
        (!text.is_empty()).then_some(text)
    };
    Some(Identity { name: text("user.name")?, email: text("user.email")? })
}
