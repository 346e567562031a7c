//! How long a program has been at work. It must never know at what.

use ace_schema::limits;

/// Counts the rounds of a program's work. After 32, and ever more seldom after that, it gives back memory that it needed to get
/// there and may not need again.
#[derive(Debug, Default)]
pub struct Rounds(u32);

impl Rounds {
    /// One more.
    pub fn count(&mut self) {
        self.0 = self.0.saturating_add(1);
        if self.0 >= limits::SETTLED_ROUNDS && self.0.is_power_of_two() {
            ace_sandbox::give_back();
        }
    }
}
