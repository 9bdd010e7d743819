//! What somebody says has another name, in words: `t.old=new`.

use super::item::{Part, What};
use crate::place::Place;
use crate::schema::model::Kind;

/// One name as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    text: String,
    is_quoted: bool,
}

impl Word {
    /// A name that is meant as it is.
    pub fn exact(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            is_quoted: true,
        }
    }

    /// Whether it names this: as written, or as the server reads names without quotes.
    pub fn is(&self, name: &str) -> bool {
        self.text == name || (!self.is_quoted && self.text.to_lowercase() == name)
    }

    /// What it may name.
    pub fn readings(&self) -> Vec<String> {
        let mut readings = vec![self.text.clone()];
        let folded = self.text.to_lowercase();
        if !self.is_quoted && folded != self.text {
            readings.push(folded);
        }
        readings
    }
}

/// Names from the outside in, and the argument types of a function where they are said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// At least one.
    pub words: Vec<Word>,
    /// What stands between the parentheses, without blanks.
    pub arguments: Option<String>,
}

impl Path {
    /// The last name.
    pub fn own(&self) -> Option<&Word> {
        self.words.last()
    }

    /// Whether the words are the last ones of these names.
    pub fn ends<S: AsRef<str>>(&self, names: &[S]) -> bool {
        let fits = |(word, name): (&Word, &S)| word.is(name.as_ref());
        self.words.len() <= names.len() && self.words.iter().rev().zip(names.iter().rev()).all(fits)
    }

    /// Whether the argument types are these, or not said.
    pub fn takes(&self, arguments: Option<&str>) -> bool {
        let bare = |text: &str| text.replace([' ', '\t'], "").to_lowercase();
        // A type's schema may be left out.
        let own = |text: &str| -> Vec<String> {
            let types = bare(text);
            let types = types.split(',');
            types
                .map(|one| one.rsplit('.').next().unwrap_or(one).to_owned())
                .collect()
        };
        self.arguments.as_ref().is_none_or(|said| {
            let is_it = |types: &str| {
                bare(types) == bare(said) || (!said.contains('.') && own(types) == own(said))
            };
            arguments.is_some_and(is_it)
        })
    }
}

/// One rename that somebody wishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// What it can be; anything if empty.
    pub kinds: Vec<What>,
    /// The name so far: of a part, behind its table's or type's name, the old or the new one.
    pub old: Path,
    /// The name to come; the table or schema may be left out.
    pub new: Path,
    /// The schema to prefer where there are several such names.
    pub home: Option<String>,
    /// The option's value, or the old name in a comment.
    pub text: String,
    /// The comment that says so; nothing for an option.
    pub place: Option<Box<Place>>,
}

/// The words that may stand before a name, for what can be renamed.
const KINDS: [(&str, &[What]); 24] = {
    use What::{Object, Part as P};
    [
        ("schema", &[Object(Kind::Schema)]),
        ("foreign table", &[Object(Kind::ForeignTable)]),
        ("table", &[Object(Kind::Table), Object(Kind::ForeignTable)]),
        (
            "column",
            &[
                Object(Kind::Column),
                P(Part::ViewColumn),
                P(Part::Attribute),
            ],
        ),
        ("attribute", &[P(Part::Attribute)]),
        ("value", &[P(Part::Value)]),
        (
            "type",
            &[
                Object(Kind::Enum),
                Object(Kind::Composite),
                Object(Kind::Range),
                Object(Kind::Domain),
            ],
        ),
        ("domain", &[Object(Kind::Domain)]),
        ("index", &[Object(Kind::Index)]),
        (
            "constraint",
            &[Object(Kind::Constraint), Object(Kind::DomainConstraint)],
        ),
        ("sequence", &[Object(Kind::Sequence)]),
        ("materialized view", &[Object(Kind::MaterializedView)]),
        (
            "view",
            &[Object(Kind::View), Object(Kind::MaterializedView)],
        ),
        ("function", &[Object(Kind::Function)]),
        ("procedure", &[Object(Kind::Function)]),
        (
            "routine",
            &[Object(Kind::Function), Object(Kind::Aggregate)],
        ),
        ("aggregate", &[Object(Kind::Aggregate)]),
        ("event trigger", &[Object(Kind::EventTrigger)]),
        ("trigger", &[Object(Kind::Trigger)]),
        ("policy", &[Object(Kind::Policy)]),
        ("rule", &[Object(Kind::Rule)]),
        ("statistics", &[Object(Kind::Statistics)]),
        ("publication", &[Object(Kind::Publication)]),
        ("server", &[Object(Kind::Server)]),
    ]
};

/// What a word such as `table` or `materialized view` can be.
pub fn kinds_of(word: &str) -> Option<&'static [What]> {
    let found = KINDS.iter().find(|(name, _)| *name == word);
    found.map(|(_, kinds)| *kinds)
}

/// Reads the value of `--rename`: `t.old=new`, `"T".old=new`, `index a=b`, `f(integer)=g`,
/// `a.t=b.t`. Nothing if it is none.
pub fn wish(text: &str) -> Option<Wish> {
    let mut rest = text.trim();
    let mut kinds: &[What] = &[];
    for (word, all) in KINDS {
        let behind = rest
            .get(..word.len())
            .filter(|first| first.eq_ignore_ascii_case(word))
            .and_then(|_| rest.get(word.len()..));
        if let Some(name) = behind.filter(|name| name.starts_with(char::is_whitespace)) {
            (kinds, rest) = (all, name.trim_start());
            break;
        }
    }
    let (old, behind) = path(rest)?;
    let (new, end) = path(behind.strip_prefix('=')?)?;
    end.is_empty().then(|| Wish {
        kinds: kinds.to_vec(),
        old,
        new,
        home: None,
        text: text.to_owned(),
        place: None,
    })
}

/// Reads names with points between them, and gives what stands behind.
pub fn path(text: &str) -> Option<(Path, &str)> {
    let mut rest = text.trim_start();
    let mut words = Vec::new();
    let mut arguments = None;
    loop {
        let (word, behind) = word(rest)?;
        words.push(word);
        rest = behind.trim_start();
        if let Some(types) = rest.strip_prefix('(') {
            let end = types.find(')')?;
            arguments = Some(types[..end].to_owned());
            rest = types[end + 1..].trim_start();
            break;
        }
        match rest.strip_prefix('.') {
            Some(behind) => rest = behind.trim_start(),
            None => break,
        }
    }
    Some((Path { words, arguments }, rest))
}

fn word(text: &str) -> Option<(Word, &str)> {
    let quote = text.chars().next()?;
    if quote == '"' || quote == '\'' {
        let mut name = String::new();
        let mut letters = text.char_indices().skip(1).peekable();
        while let Some((at, letter)) = letters.next() {
            if letter != quote {
                name.push(letter);
            } else if letters.next_if(|(_, next)| *next == quote).is_some() {
                name.push(quote);
            } else {
                let is_empty = name.is_empty();
                return (!is_empty).then(|| (Word::exact(&name), &text[at + 1..]));
            }
        }
        return None;
    }
    let end = text
        .find(['.', '=', '(', ')', '"', '\'', ',', ';'])
        .unwrap_or(text.len());
    let name = text[..end].trim();
    let word = Word {
        text: name.to_owned(),
        is_quoted: false,
    };
    (!name.is_empty()).then_some((word, &text[end..]))
}

/// Names as [`path`] reads them.
pub fn written<S: AsRef<str>>(names: &[S], arguments: Option<&str>) -> String {
    let quoted = |name: &S| {
        let name = name.as_ref();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if name.chars().all(plain) && !name.is_empty() {
            name.to_owned()
        } else {
            format!("\"{}\"", name.replace('"', "\"\""))
        }
    };
    let names: Vec<String> = names.iter().map(quoted).collect();
    let arguments = arguments.map(|types| format!("({types})"));
    names.join(".") + &arguments.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of both names, `!` before quoted ones, and the kinds.
    fn check(text: &str, expected: &str) {
        let shown = |path: &Path| {
            let words: Vec<String> = path
                .words
                .iter()
                .map(|word| format!("{}{}", if word.is_quoted { "!" } else { "" }, word.text))
                .collect();
            let arguments = path.arguments.as_ref().map(|types| format!(" of {types}"));
            words.join(" ") + &arguments.unwrap_or_default()
        };
        let found = wish(text).map_or("nothing".to_owned(), |wish| {
            let kinds = wish.kinds.len();
            format!("{kinds}: {} -> {}", shown(&wish.old), shown(&wish.new))
        });
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_wish_is_two_names() {
        check("t=u", "0: t -> u");
        check("public.t.old = new", "0: public t old -> new");
        check("\"My.T\".\"a=\"\"b\"=c", "0: !My.T !a=\"b -> c");
        check("mood.'so so'=fine", "0: mood !so so -> fine");
        check("mood.so so=not bad", "0: mood so so -> not bad");
        check("a.t=b.t", "0: a t -> b t");
        check("f(integer, text)=g", "0: f of integer, text -> g");
        check("index a=b", "1: a -> b");
        check("Materialized View a=b", "1: a -> b");
        check("index=b", "0: index -> b");
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "", "t", "=", "t=", "=u", "a..b=c", "t=u=v", "\"t=u", "f(a=g", "t=u;",
        ] {
            check(text, "nothing");
        }
    }

    #[test]
    fn names_are_written_as_they_are_read() {
        for names in [["a", "b c"], ["A", "b\"c"], ["a.b", "c=d"]] {
            let text = format!("{}=x", written(&names, None));
            let read = wish(&text).unwrap();
            assert!(read.old.ends(&names), "{text}");
        }
    }
}
