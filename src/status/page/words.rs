//! The words of the holding page. English, short, and true of any application.

use crate::status::phase::Phase;

/// What is going on, in a few words: the title of the page. `is_elsewhere`: it is another service
/// than the database that is waited for.
pub(super) fn title(phase: Phase, step: Option<(u64, u64)>, is_elsewhere: bool) -> String {
    let title = match phase {
        Phase::Waiting | Phase::HandingOver if is_elsewhere => "Waiting for another service",
        Phase::Waiting => "Waiting for the database",
        Phase::Starting | Phase::HandingOver | Phase::Serving | Phase::Done => "Starting",
        Phase::Locking => "Another instance is updating",
        Phase::Migrating => match step {
            Some((step, steps)) if steps > 1 => return format!("Updating: step {step} of {steps}"),
            _ => "Updating",
        },
        Phase::Failed => "Not available",
    };
    title.to_owned()
}

/// The same in a sentence. A failure is told without its reason, which is not for the public.
pub(super) fn message(phase: Phase, is_elsewhere: bool) -> &'static str {
    match phase {
        Phase::HandingOver if is_elsewhere => message(Phase::Waiting, is_elsewhere),
        Phase::Starting => "The application will be here in a moment.",
        Phase::Waiting => "The application starts as soon as everything it needs is there.",
        Phase::Locking => {
            "It prepares the data for the new version. The application starts when that is done."
        }
        Phase::Migrating => {
            "The data is being prepared for the new version. The application starts when that is done."
        }
        // A command that ends so holds no port.
        Phase::HandingOver | Phase::Serving | Phase::Done => {
            "Everything is up to date. The application will be here in a moment."
        }
        Phase::Failed => {
            "The application could not start just now. Those who run it find the reason in its log."
        }
    }
}

/// A time that is left, as people say it: no more exact than it is.
pub(super) fn left(seconds: u64) -> String {
    match seconds {
        0..=9 => "A few seconds left".to_owned(),
        10..=54 => format!("About {} seconds left", (seconds + 5) / 10 * 10),
        55..=89 => "About a minute left".to_owned(),
        90..=3_299 => format!("About {} minutes left", (seconds + 30) / 60),
        3_300..=5_399 => "About an hour left".to_owned(),
        5_400..=129_599 => format!("About {} hours left", (seconds + 1_800) / 3_600),
        _ => "More than a day left".to_owned(),
    }
}

/// A time that has passed: whole minutes or hours. Nothing where it is not worth telling.
pub(super) fn passed(seconds: u64) -> Option<String> {
    Some(match seconds {
        0..=59 => return None,
        60..=119 => "a minute".to_owned(),
        120..=3_599 => format!("{} minutes", seconds / 60),
        3_600..=7_199 => "an hour".to_owned(),
        _ => format!("{} hours", seconds / 3_600),
    })
}

/// A number as people read it: `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Text that stands in HTML, also between quotes, as what it says.
pub(super) fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut safe, letter| {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(letter),
        }
        safe
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_exact_as_they_are() {
        let check = |seconds, expected| assert_eq!(left(seconds), expected, "{seconds}");
        check(0, "A few seconds left");
        check(9, "A few seconds left");
        check(10, "About 10 seconds left");
        check(44, "About 40 seconds left");
        check(54, "About 50 seconds left");
        check(55, "About a minute left");
        check(90, "About 2 minutes left");
        check(149, "About 2 minutes left");
        check(3_299, "About 55 minutes left");
        check(3_300, "About an hour left");
        check(5_400, "About 2 hours left");
        check(129_599, "About 36 hours left");
        check(u64::MAX, "More than a day left");

        let check = |seconds, expected: Option<&str>| {
            assert_eq!(passed(seconds).as_deref(), expected, "{seconds}");
        };
        check(59, None);
        check(60, Some("a minute"));
        check(3_599, Some("59 minutes"));
        check(3_600, Some("an hour"));
        check(7_200, Some("2 hours"));
    }

    #[test]
    fn numbers_are_grouped() {
        let check = |number, expected| assert_eq!(grouped(number), expected);
        check(0, "0");
        check(999, "999");
        check(1_000, "1,000");
        check(u64::MAX, "18,446,744,073,709,551,615");
    }

    #[test]
    fn nothing_ends_an_element_or_an_attribute() {
        let safe = escaped("<a href=\"x\" title='y'>&amp;</a> é");
        assert_eq!(
            safe,
            "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt; é"
        );
    }
}
