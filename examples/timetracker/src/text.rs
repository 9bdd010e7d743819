//! Text as it is shown: escaped for HTML, minutes as hours.

use std::fmt::{self, Display, Formatter, Write};

/// Text from outside, safe between tags and inside quoted attributes.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '"' => out.write_str("&quot;")?,
                '\'' => out.write_str("&#39;")?,
                other => out.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// A number of minutes as hours: `3:05`.
pub(crate) struct Hours(pub(crate) i64);

impl Display for Hours {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{:02}", self.0 / 60, self.0 % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::{Escaped, Hours};

    #[test]
    fn nothing_can_leave_its_element_or_attribute() {
        let check = |text, expected| assert_eq!(Escaped(text).to_string(), expected);
        check("plain, ünïcode ✓", "plain, ünïcode ✓");
        check(
            "<script>alert(1)</script>",
            "&lt;script&gt;alert(1)&lt;/script&gt;",
        );
        check("\" onload='x'", "&quot; onload=&#39;x&#39;");
        check("&amp;", "&amp;amp;");
        check("", "");
    }

    #[test]
    fn minutes_read_as_hours() {
        let check = |minutes, expected| assert_eq!(Hours(minutes).to_string(), expected);
        check(0, "0:00");
        check(65, "1:05");
        check(1085, "18:05");
    }
}
