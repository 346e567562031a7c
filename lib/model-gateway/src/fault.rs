//! What can go wrong on the way to an answer, as facts, and whether asking again may help. Puts nothing into words for people but
//! the few of a retry's note.

use std::time::Duration;

use crate::retry::Demand;
use crate::upstream::{Chance, Upstream};
use crate::wire::StreamError;

/// What can go wrong on the way, with its facts.
#[derive(Debug)]
pub enum Fault {
    /// The variable of the key is not set.
    NoKey,
    /// The key holds bytes that no header may carry.
    OddKey,
    /// The wire of the configuration is none.
    Wire,
    /// `base_url` is no address: why.
    Base(String),
    /// The client could not be made: why.
    Setup(String),
    /// No connection: why.
    Connect(String),
    /// A connection that cannot be trusted: why.
    Tls(String),
    /// The connection fell before an answer: why.
    Lost(String),
    /// Sent elsewhere: host.
    Redirect(String),
    /// An answer that is an error, perhaps a web page.
    Status(Upstream, Demand, bool),
    /// A web page instead of a stream.
    WebPage,
    /// Something else instead of a stream: its media type.
    NoStream(String),
    /// The stream is not what it should be.
    Stream(StreamError),
    /// The connection fell inside the stream: why.
    Fell(String),
    /// Silence for so long.
    Silence(Duration),
    /// One event of more than so many bytes.
    Event(usize),
    /// One answer of more than so many bytes.
    Answer(usize),
}

impl Fault {
    /// Whether asking again may help.
    pub fn chance(&self) -> Chance {
        match self {
            Self::Connect(_) | Self::Lost(_) | Self::Fell(_) | Self::Stream(StreamError::Cut) => Chance::Some,
            Self::Stream(StreamError::Reported(error)) => error.chance(),
            Self::Status(error, demand, _) => match (demand.again, error.chance()) {
                (Some(false), _) => Chance::None,
                (Some(true), Chance::None) if !error.is_money() => Chance::Some,
                (_, chance) => chance,
            },
            _ => Chance::None,
        }
    }

    /// What the server demands before another try.
    pub fn demand(&self) -> Demand {
        match self {
            Self::Status(error, demand, _) => Demand { wait: demand.wait.or(error.wait), ..*demand },
            Self::Stream(StreamError::Reported(error)) => Demand { wait: error.wait, again: None },
            _ => Demand::default(),
        }
    }

    /// A few words for the note of a retry, after the provider's name.
    pub fn brief(&self) -> String {
        match self {
            Self::Status(error, ..) | Self::Stream(StreamError::Reported(error)) => {
                let what = if error.status == 429 || error.chance() == Chance::Overloaded { "busy" } else { "failed" };
                if error.status == 0 { what.into() } else { format!("{what} ({})", error.status) }
            }
            Self::Connect(why) => format!("out of reach ({why})"),
            _ => "cut off".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_forbid_or_ask_for_another_try_but_not_for_money() {
        let fault = |status, again| {
            let demand = Demand { again: Some(again), wait: None };
            Fault::Status(Upstream { status, ..Upstream::default() }, demand, false).chance()
        };
        assert_eq!(fault(500, false), Chance::None);
        assert_eq!(fault(400, true), Chance::Some);
        assert_eq!(fault(402, true), Chance::None);
    }
}
