//! A command line cut into words as a POSIX shell cuts it, and nothing else that a shell does: no
//! variables, no patterns, no pipes. An image from scratch has no shell to ask.

/// The words; nothing if a quote is open or the text ends in a backslash.
pub(super) fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next()? {
                        '\'' => break,
                        inside => word.push(inside),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next()? {
                        '"' => break,
                        '\\' => match letters.next()? {
                            escaped @ ('"' | '\\') => word.push(escaped),
                            other => word.extend(['\\', other]),
                        },
                        inside => word.push(inside),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(letters.next()?),
            blank if blank.is_whitespace() => words.extend(word.take()),
            plain => word.get_or_insert_default().push(plain),
        }
    }
    words.extend(word);
    Some(words)
}

/// Texts as one line that [`words`] cuts into the same texts again; nothing for no text.
pub(super) fn join(texts: &[String]) -> Option<String> {
    let quoted = |text: &String| format!("'{}'", text.replace('\'', r"'\''"));
    let texts: Vec<String> = texts.iter().map(quoted).collect();
    (!texts.is_empty()).then(|| texts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &[&str]) {
        assert_eq!(words(line).unwrap(), expected, "{line}");
    }

    #[test]
    fn words_end_at_blanks_outside_quotes() {
        check("", &[]);
        check(" pg_dump  -Fc\t-f /b/x ", &["pg_dump", "-Fc", "-f", "/b/x"]);
        check("a 'b c' \"d e\" ''", &["a", "b c", "d e", ""]);
        check(
            r#"a\ b 'c\' "d\"e\n" f'g'h"#,
            &["a b", r"c\", r#"d"e\n"#, "fgh"],
        );
        check("echo $HOME | cat", &["echo", "$HOME", "|", "cat"]);
    }

    #[test]
    fn what_is_open_at_the_end_is_refused() {
        for line in ["a 'b", "a \"b", "a \\", "\"a\\"] {
            assert_eq!(words(line), None, "{line}");
        }
    }

    #[test]
    fn what_was_joined_is_cut_again() {
        let texts = ["exec:sh -c 'a b'", "", "\\", "tcp://h:1"].map(str::to_owned);
        let joined = join(&texts).unwrap();
        assert_eq!(words(&joined).unwrap(), texts, "{joined}");
        assert_eq!(join(&[]), None);
    }
}
