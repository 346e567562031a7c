//! Answers of a stated shape: whether one fits its JSON Schema, what a model is told when it does not, and the verdict of a review
//! as text, SARIF or annotations.
//!
//! Invariant: pure functions over texts. It reads no file and no network, whatever a schema refers to, and knows no provider.

mod findings;
mod shape;

pub use findings::{Finding, Review, SCHEMA as FINDINGS, Severity, request};
pub use shape::{Problem, Shape, extract, repair};
