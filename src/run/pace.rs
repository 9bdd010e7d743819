//! How large the next batch is, and how long to wait before it. Pure: times come in, numbers go out.

use std::time::Duration;

/// The bounds of the size, unless the file itself names a size beyond them.
const LEAST: u32 = 50;
const MOST: u32 = 50_000;

/// How much the last batch counts in the mean of their times.
const WEIGHT: f64 = 0.4;

/// The least and the most that one batch changes the size by.
const SLOWER: f64 = 0.5;
const FASTER: f64 = 1.2;

/// The pause after a batch, as a share of the time it took: the rest of the site has its turn.
const REST: f64 = 0.25;

/// The size of batches, following the time that they take.
#[derive(Clone, Debug)]
pub struct Pace {
    size: f64,
    least: f64,
    most: f64,
    target: f64,
    pause: Duration,
    mean: Option<f64>,
}

impl Pace {
    /// Starts with `size` rows, where `named` is the size that the file names.
    pub fn new(size: u32, named: u32, target: Duration, pause: Duration) -> Self {
        Self {
            size: f64::from(size.max(1)),
            least: f64::from(LEAST.min(named)),
            most: f64::from(MOST.max(named)),
            target: target.as_secs_f64(),
            pause,
            mean: None,
        }
    }

    /// Rows of the next batch.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the bounds are whole numbers of 32 bits"
    )]
    pub fn size(&self) -> u32 {
        self.size.round() as u32
    }

    /// A full batch took this long. The last batch of a table, which is short, says nothing.
    pub fn took(&mut self, time: Duration) {
        let time = time.as_secs_f64().max(0.000_001);
        let mean = self.mean.map_or(time, |mean| mean + WEIGHT * (time - mean));
        self.mean = Some(mean);
        let factor = (self.target / mean).clamp(SLOWER, FASTER);
        self.resize(factor);
    }

    /// A batch was too much: it waited too long, or took too long.
    pub fn halve(&mut self) {
        self.mean = None;
        self.resize(0.5);
    }

    /// The pause after a batch that took this long.
    pub fn pause(&self, time: Duration) -> Duration {
        self.pause.max(time.mul_f64(REST))
    }

    fn resize(&mut self, factor: f64) {
        self.size = (self.size * factor).clamp(self.least.max(1.0), self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Duration = Duration::from_millis(500);

    fn pace(size: u32) -> Pace {
        Pace::new(size, size, TARGET, Duration::from_millis(50))
    }

    fn check(size: u32, times: &[u64], expected: &[u32]) {
        let mut pace = pace(size);
        let sizes: Vec<u32> = times
            .iter()
            .map(|&time| {
                pace.took(Duration::from_millis(time));
                pace.size()
            })
            .collect();
        assert_eq!(sizes, expected);
    }

    #[test]
    fn the_size_follows_the_time() {
        check(1000, &[500, 500], &[1000, 1000]);
        check(1000, &[0, 0, 0], &[1200, 1440, 1728]);
        check(1000, &[5_000], &[500]);
        check(1000, &[625], &[800]);
        // One slow batch among fast ones is not the whole story.
        check(1000, &[500, 1_000], &[1000, 714]);
    }

    #[test]
    fn the_size_stays_in_bounds_unless_the_file_names_another() {
        check(60, &[9_000, 9_000], &[50, 50]);
        check(49_000, &[0, 0], &[50_000, 50_000]);
        check(3, &[9_000, 0], &[3, 3]);
        check(200_000, &[0, 9_000], &[200_000, 100_000]);
    }

    #[test]
    fn a_batch_that_failed_is_halved_and_the_times_before_are_forgotten() {
        let mut pace = pace(1000);
        pace.took(Duration::from_millis(1));
        pace.halve();
        assert_eq!(pace.size(), 600);
        pace.took(TARGET);
        assert_eq!(pace.size(), 600);
    }

    #[test]
    fn a_pause_is_a_share_of_the_work() {
        let pace = pace(1000);
        let check = |time, expected| {
            let pause = pace.pause(Duration::from_millis(time));
            assert_eq!(pause, Duration::from_millis(expected));
        };
        check(0, 50);
        check(200, 50);
        check(400, 100);
    }
}
