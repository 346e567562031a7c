//! What the errors of a socket mean, in a few words. Knows nothing but the error.

use std::error::Error;
use std::{io, iter};

use crate::fault::Fault;

/// An error before any answer.
pub fn unsent(error: &reqwest::Error) -> Fault {
    let mut kinds = chain(error).filter_map(|e| e.downcast_ref::<io::Error>()).map(io::Error::kind);
    if kinds.any(|kind| kind == io::ErrorKind::InvalidData) {
        return Fault::Tls(cause(error));
    }
    if error.is_connect() {
        return Fault::Connect(if error.is_timeout() { "no answer to the connection".into() } else { cause(error) });
    }
    Fault::Lost(cause(error))
}

/// The reasons behind an error, outermost first. An I/O error hides the one it wraps from `source`.
fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    iter::successors(error.source(), |&e| match e.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => e.source(),
    })
}

/// The innermost reason of an error, in a few words and without the address.
pub fn cause(error: &reqwest::Error) -> String {
    let kinds = chain(error).filter_map(|e| e.downcast_ref::<io::Error>()).map(io::Error::kind);
    let known = kinds.filter_map(|kind| match kind {
        io::ErrorKind::ConnectionRefused => Some("connection refused"),
        io::ErrorKind::ConnectionReset => Some("connection reset"),
        io::ErrorKind::TimedOut => Some("timed out"),
        io::ErrorKind::UnexpectedEof => Some("connection closed"),
        _ => None,
    });
    if let Some(reason) = known.last() {
        return reason.into();
    }
    let reason = chain(error).last().map_or_else(|| "connection failed".into(), ToString::to_string);
    match reason.strip_prefix("failed to lookup address information: ") {
        Some(why) => format!("name not resolved: {}", why.to_lowercase()),
        None => reason,
    }
}
