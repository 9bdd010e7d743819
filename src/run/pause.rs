//! How long to wait before asking again. The only user of the `backoff` crate, which is no longer
//! maintained: replacing it is a matter of this file.

use std::time::Duration;

use backoff::SystemClock;
use backoff::backoff::Backoff;
use backoff::exponential::ExponentialBackoff;

/// Growing pauses with jitter, so that replicas that start together do not ask together.
#[derive(Debug)]
pub struct Pauses(ExponentialBackoff<SystemClock>);

impl Pauses {
    /// Pauses that grow from `first` to about `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self(ExponentialBackoff {
            current_interval: first,
            initial_interval: first,
            multiplier: 1.5,
            randomization_factor: 0.5,
            max_interval: longest,
            // The callers have deadlines of their own.
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        })
    }

    /// Pauses anywhere between nothing and an upper end that doubles from `first` to `longest`:
    /// "full jitter", which spreads those who were refused together best.
    pub fn with_full_jitter(first: Duration, longest: Duration) -> Self {
        Self(ExponentialBackoff {
            current_interval: first / 2,
            initial_interval: first / 2,
            multiplier: 2.0,
            randomization_factor: 1.0,
            max_interval: longest / 2,
            // The callers have deadlines of their own.
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        })
    }

    /// The next pause.
    pub fn next_pause(&mut self) -> Duration {
        self.0.next_backoff().unwrap_or(self.0.max_interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_jitter_begins_anywhere_below_an_end_that_doubles() {
        let longest = Duration::from_secs(30);
        let mut first = Duration::ZERO;
        let mut latest = Duration::ZERO;
        for _ in 0..200 {
            let mut pauses = Pauses::with_full_jitter(Duration::from_millis(100), longest);
            let pause = pauses.next_pause();
            assert!(pause <= Duration::from_millis(101), "{pause:?}");
            first = first.max(pause);
            let later = (0..40).map(|_| pauses.next_pause()).max().unwrap();
            assert!(later <= longest + Duration::from_millis(1), "{later:?}");
            latest = latest.max(later);
        }
        assert!(first > Duration::from_millis(80), "{first:?}");
        assert!(latest > Duration::from_secs(25), "{latest:?}");
    }

    #[test]
    fn pauses_grow_to_the_longest_and_never_end() {
        let longest = Duration::from_millis(150);
        let mut pauses = Pauses::new(Duration::from_millis(20), longest);
        let first = pauses.next_pause();
        assert!(first >= Duration::from_millis(10) && first <= Duration::from_millis(30));
        let later: Vec<Duration> = (0..1000).map(|_| pauses.next_pause()).collect();
        assert!(later.iter().all(|pause| *pause <= longest + longest / 2));
        assert!(later[900..].iter().all(|pause| *pause >= longest / 2));
    }
}
