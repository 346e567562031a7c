//! A page of the web as text: one address in, Markdown or plain text out. It knows no session, no tool and no rule.
//!
//! Invariant: a connection is made only to an address that was looked at: every name is resolved here, every address it resolves to
//! must be a public one (or the host one that the person named), and the connection goes to just that address.

mod address;
mod get;
mod page;
mod proxy;

pub use address::{Hosts, is_public};
pub use get::{Body, Fetcher, Page, Refused};
pub use proxy::{Closed, Contact, Egress, serve};
