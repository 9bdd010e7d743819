//! How an init looks after its child: plain data, which the loop reads and never changes.

use std::time::Duration;

use crate::rewrite::Rewrites;
use crate::signal::Signal;
use crate::tell::Story;

/// How an init looks after its child.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Supervision {
    /// Who gets the signals.
    pub receivers: Receivers,
    /// What is sent for which signal.
    pub rewrites: Rewrites,
    /// How long the child may take to stop before it is killed. Nothing: for ever.
    pub grace: Option<Duration>,
    /// The signal for the child when the init's own parent, or the init, dies.
    pub parent_death: Option<Signal>,
    /// Statuses of the child that become 0.
    pub forgiven: Statuses,
    /// How much is told on standard error.
    pub story: Story,
}

/// Who gets the signals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Receivers {
    /// The child alone.
    #[default]
    Child,
    /// Its whole process group, which also is asked to stop when the child has ended.
    Group,
}

/// A set of exit statuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statuses([u64; 4]);

impl Statuses {
    /// Adds one.
    pub fn add(&mut self, status: u8) {
        self.0[usize::from(status >> 6)] |= 1 << (status & 63);
    }

    /// Whether it is one of them.
    pub fn has(&self, status: u8) -> bool {
        self.0[usize::from(status >> 6)] >> (status & 63) & 1 == 1
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = u8> + '_ {
        (0..=u8::MAX).filter(|status| self.has(*status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_added_and_nothing_else() {
        let mut set = Statuses::default();
        assert_eq!(set.iter().count(), 0);
        for status in [255, 0, 143, 64, 63] {
            set.add(status);
        }
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 143, 255]);
    }
}
