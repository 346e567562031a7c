//! Secrets and personal data out of text: what is one, what stands in its place, and how a stream of drafts is cleaned.
//!
//! Invariant: it opens nothing and asks nobody. The values of secret variables come in, the key of the placeholders comes in, text
//! comes in; what goes out holds none of them. It never knows who said a text, or where it is going.
//!
//! **How it finds.** Every secret that can be told without a doubt begins with something fixed: a vendor's prefix, a header's name, a
//! name that a value is assigned to, or itself (the value of a variable). So one automaton looks for these beginnings, and only
//! where one is found is the text behind it read, by a few lines of code with a bound. There is no regular expression: a beginning
//! and a bound are what lets a stream be cleaned with little held back and the same outcome however it is cut, in linear time and
//! bounded memory, and starting costs a fraction of a millisecond.
//!
//! **What it does not find**, on purpose: a secret that was encoded (base64, hex, reversed, encrypted) or wrapped over lines, and a
//! random word that nothing says is a secret. Who wants to smuggle one out can; against that stand the sandbox and the closed network.

mod assign;
mod gate;
mod json;
mod mark;
mod personal;
mod plain;
mod policy;
mod rule;
mod scan;
mod stream;
mod value;

pub use gate::{Gate, GateError, Memory, Spool};
pub use json::{Change, Place, rewrite};
pub use mark::Key;
pub use personal::Personal;
pub use policy::{Policy, Redactor};
pub use rule::names as rule_names;
pub use stream::Stream;
pub use value::is_worth_hiding;
