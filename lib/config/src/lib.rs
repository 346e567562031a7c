//! Layers of TOML into one checked configuration, with the origin of every value.
//!
//! It reads no file and no environment: texts, names and values come in. It never holds a key, only the name of the variable that
//! does, and it never knows how a provider is spoken to.

mod budget;
mod choose;
mod edit;
mod hooks;
mod layer;
mod load;
mod models;
mod near;
mod notify;
mod problem;
mod provider;
mod read;

pub use budget::{Amounts, Group, Per, Price, Quota, decimal, millionths};
pub use choose::{Choice, choose_model, split_model};
pub use edit::set;
pub use hooks::{Hooked, Matcher, Row as HookRow};
pub use layer::{
    ANSWERS_VARIABLE, CONTEXT_VARIABLE, Layer, LayerName, MODE_VARIABLE, MODEL_VARIABLE, Origin, VARIABLE_KEYS,
};
pub use load::{Config, Ignored, Redact, Sandbox, Value, Worktree, load};
pub use models::{Models, models};
pub use near::nearest;
pub use notify::Desktop;
pub use problem::{Problem, What};
pub use provider::{BUILT_IN, BuiltIn, Provider, Wire};
pub use read::{keys, quoted};
