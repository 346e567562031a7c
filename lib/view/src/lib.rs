//! Events as text for people. Pure: recorded lines, chalk, a width, a style and the present moment in, styled lines out.
//!
//! It must never know a clock, a terminal, a file, the environment or the network: who prints reads those and hands them in.

pub mod answer;
pub mod ask;
pub mod call;
pub mod ci;
pub mod clean;
pub mod cost;
pub mod diff;
pub mod error;
pub mod facts;
mod head;
pub mod ledger;
pub mod list;
pub mod log;
pub mod logdiff;
pub mod many;
pub mod markdown;
pub mod run;
pub mod show;
pub mod step;
mod stream;
pub mod style;
pub mod table;
pub mod text;
pub mod time;
pub mod units;
mod verdict;

pub use answer::answer;
pub use ci::CiView;
pub use clean::{clean, visible};
pub use facts::{Next, SessionFacts};
pub use head::image;
pub use ledger::Ledger;
pub use run::RunView;
pub use step::{Call, End, Step};
pub use style::{Mark, Role, Style};
pub use text::{Text, render};
