//! What is wrong with a configuration, in the words a person reads. It never decides what happens then.

use std::fmt;

use crate::Origin;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What.
    pub what: What,
    /// Where.
    pub at: Origin,
}

/// What can be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Not TOML.
    Syntax {
        /// The parser's words, one line.
        message: String,
    },
    /// A key nobody reads.
    UnknownKey {
        /// Its full path.
        key: String,
        /// The nearest key that exists.
        near: Option<String>,
    },
    /// A value of another type.
    WrongType {
        /// Its full path.
        key: String,
        /// `a string` and the like.
        wants: &'static str,
        /// What is there.
        has: &'static str,
    },
    /// A value that says nothing usable. The value itself is only shown if it cannot be a secret.
    BadValue {
        /// Its full path.
        key: String,
        /// Why, in words.
        why: String,
        /// What to write instead.
        hint: Option<String>,
    },
}

impl Problem {
    /// What to do about it, as it can be typed.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match &self.what {
            What::UnknownKey { near: Some(near), .. } => Some(format!("did you mean '{near}'?")),
            What::BadValue { hint, .. } => hint.clone(),
            _ => None,
        }
    }
}

/// `unknown key 'modle' in ~/.config/ace/config.toml:3`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.at.place();
        match &self.what {
            What::Syntax { message } => write!(f, "not TOML: {message} in {place}"),
            What::UnknownKey { key, .. } => write!(f, "unknown key '{key}' in {place}"),
            What::WrongType { key, wants, has } => write!(f, "'{key}' takes {wants}, not {has}, in {place}"),
            What::BadValue { key, why, .. } => write!(f, "'{key}' {why} in {place}"),
        }
    }
}

impl std::error::Error for Problem {}
