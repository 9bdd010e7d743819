//! Building a declared schema, in whatever order it is declared: statements that fail because
//! something is not there yet are tried again when the others have been run, in an order that their
//! names tell.

use std::ops::Range;

use tokio_postgres::Client;

use super::declared::Source;
use super::error::ScratchError;
use super::sequence::{self, Names};
use crate::database::failure::{Failure, Refusal};
use crate::error::Error;
use crate::place::Place;
use crate::sql::classify::{first_word, sets_session};
use crate::sql::lexer::Lexer;
use crate::sql::split::{self, Statement};

/// What each text starts with: nothing of the text before. Bodies of functions are looked at when
/// all is there.
const AFRESH: &str = "reset session authorization; reset role; reset all; \
    set check_function_bodies = off; set client_min_messages = error; \
    set standard_conforming_strings = on";

/// Refusals that may go away when something else has been made: the class of syntax errors and
/// things that are not there, but for the syntax itself, and of states that do not fit.
fn may_pass(refusal: &Refusal) -> bool {
    let class = refusal.sqlstate.get(..2).unwrap_or_default();
    refusal.sqlstate != "42601" && matches!(class, "42" | "3F" | "55" | "0A" | "22")
}

/// How many statements go in one message, at most: it is a transaction, which keeps its locks.
const MOST: usize = 64;

/// A text of the declaration.
struct Text<'s> {
    source: &'s Source,
    /// What only sets something for the statements behind it.
    settings: Vec<Item>,
}

/// A statement of a text.
struct Item {
    span: Range<usize>,
    /// Which text it is of.
    text: usize,
    /// How many settings stand before it.
    behind: usize,
    refusal: Option<Box<Refusal>>,
}

/// Builds the schema; gives a line for each function whose body the server does not like.
pub(super) async fn load(
    client: &Client,
    sources: &[Source],
    go_on: impl Fn() -> Result<(), Error>,
) -> Result<Vec<String>, Error> {
    let mut loader = Loader {
        client,
        texts: Vec::new(),
        at: None,
        holds_back: true,
    };
    let mut left: Vec<Item> = Vec::new();
    for source in sources {
        let (settings, items) = items(source, loader.texts.len())?;
        loader.texts.push(Text { source, settings });
        left.extend(items);
    }
    let mut is_first = true;
    loop {
        let before = left.len();
        left = loader.round(left, &go_on).await?;
        if left.is_empty() {
            return odd_functions(client).await;
        }
        if left.len() == before {
            if std::mem::take(&mut loader.holds_back) {
                continue;
            }
            return Err(loader.unloadable(&left));
        }
        if is_first {
            left = loader.sorted(left);
            is_first = false;
        }
    }
}

/// A session that loads.
struct Loader<'s> {
    client: &'s Client,
    texts: Vec<Text<'s>>,
    /// Of which text the settings are in force, and how many.
    at: Option<(usize, usize)>,
    /// Whether what is about things to come waits for what stands before it.
    holds_back: bool,
}

impl Loader<'_> {
    /// Tries all, and gives back what was refused and may pass later.
    async fn round(
        &mut self,
        items: Vec<Item>,
        go_on: &impl Fn() -> Result<(), Error>,
    ) -> Result<Vec<Item>, Error> {
        let mut left = Vec::new();
        let mut items = items.into_iter().peekable();
        while let Some(first) = items.next() {
            go_on()?;
            if self.holds_back && !left.is_empty() && is_about_what_comes(self.sql(&first)) {
                left.push(first);
                continue;
            }
            let place = (first.text, first.behind);
            self.set(place).await?;
            let mut together = vec![first];
            while together.len() < MOST
                && let Some(next) = items.next_if(|next| {
                    (next.text, next.behind) == place && !is_about_what_comes(self.sql(next))
                })
            {
                together.push(next);
            }
            let texts: Vec<&str> = together.iter().map(|item| self.sql(item)).collect();
            // Of a message that is refused nothing stays.
            if together.len() > 1 && run(self.client, &texts.join("\n;\n")).await?.is_ok() {
                continue;
            }
            for mut item in together {
                let text = self.sql(&item);
                if let Err(refusal) = run(self.client, text).await? {
                    let is_final = !may_pass(&refusal) || first_word(text) == "drop";
                    item.refusal = Some(refusal);
                    if is_final {
                        return Err(self.unloadable(&[item]));
                    }
                    left.push(item);
                }
            }
        }
        Ok(left)
    }

    /// In an order in which more of them pass. What is about things to come stays where it is.
    fn sorted(&self, items: Vec<Item>) -> Vec<Item> {
        let mut sorted = Vec::new();
        let mut items = items.into_iter().peekable();
        while let Some(first) = items.next() {
            if is_about_what_comes(self.sql(&first)) {
                sorted.push(first);
                continue;
            }
            let mut part = vec![Some(first)];
            while let Some(next) = items.next_if(|next| !is_about_what_comes(self.sql(next))) {
                part.push(Some(next));
            }
            let names = part.iter().flatten();
            let names: Vec<Names> = names.map(|item| Names::of(self.sql(item))).collect();
            let order = sequence::order(&names);
            sorted.extend(order.iter().filter_map(|at| part[*at].take()));
        }
        sorted
    }

    /// Sets what stands before a statement in its text, and nothing else.
    async fn set(&mut self, place: (usize, usize)) -> Result<(), Error> {
        let (text, count) = place;
        let first = match self.at {
            Some((at, first)) if at == text && first <= count => first,
            _ => {
                run(self.client, AFRESH).await?.map_err(|refusal| {
                    Error::asking("preparing to load the schema")(Failure::Refused(refusal))
                })?;
                0
            }
        };
        for number in first..count {
            let item = &self.texts[text].settings[number];
            if let Err(refusal) = run(self.client, self.sql(item)).await? {
                let item = &mut self.texts[text].settings[number];
                item.refusal = Some(refusal);
                let item = &self.texts[text].settings[number];
                return Err(self.unloadable(std::slice::from_ref(item)));
            }
        }
        self.at = Some(place);
        Ok(())
    }

    fn sql(&self, item: &Item) -> &str {
        &self.texts[item.text].source.text[item.span.clone()]
    }

    /// The refusals, in the order of the texts.
    fn unloadable(&self, items: &[Item]) -> Error {
        let mut items: Vec<&Item> = items.iter().collect();
        items.sort_by_key(|item| (item.text, item.span.start));
        let says = |item: &&Item| {
            let refusal = item.refusal.as_ref();
            let says = refusal.map(|refusal| refusal.message.clone());
            (Names::of(self.sql(item)), says.unwrap_or_default())
        };
        let circle = sequence::circle(&items.iter().map(says).collect::<Vec<_>>());
        let mut failed = items.into_iter().filter_map(|item| {
            let Range { start, end } = item.span;
            let source = self.texts[item.text].source;
            let refusal = item.refusal.clone()?;
            let letter = refusal.position.and_then(|position| {
                let mut letters = self.sql(item).char_indices();
                Some(
                    letters
                        .nth(usize::try_from(position).ok()?.checked_sub(1)?)?
                        .0,
                )
            });
            let place = match letter {
                Some(at) => Place::at(&source.path, &source.text, start, start + at),
                None => Place::of(&source.path, &source.text, start, end),
            };
            Some((place, refusal))
        });
        let Some((place, refusal)) = failed.next() else {
            return Error::System(std::io::Error::other("nothing failed"));
        };
        let others: Vec<String> = failed
            .map(|(place, refusal)| format!("{place}: {refusal}"))
            .collect();
        ScratchError::Unloadable {
            count: others.len() + 1,
            place: Box::new(place),
            refusal,
            others,
            circle,
        }
        .into()
    }
}

/// Whether a statement changes what those behind it make: then it has to wait for those before it,
/// also where they have to be tried again.
fn is_about_what_comes(text: &str) -> bool {
    let mut words = text.split_whitespace().map(str::to_ascii_lowercase);
    let words = [words.next(), words.next(), words.next()].map(Option::unwrap_or_default);
    matches!(
        [&*words[0], &*words[1], &*words[2]],
        ["alter", "default", "privileges"] | ["create", "event", "trigger"]
    )
}

/// Runs one statement: refusals are answers, everything else is an error.
async fn run(client: &Client, text: &str) -> Result<Result<(), Box<Refusal>>, Error> {
    match client.batch_execute(text).await.map_err(Failure::from) {
        Ok(()) => Ok(Ok(())),
        Err(Failure::Refused(refusal)) => Ok(Err(refusal)),
        Err(failure) => Err(Error::asking("loading the schema")(failure)),
    }
}

/// The settings and the other statements of a text.
fn items(source: &Source, number: usize) -> Result<(Vec<Item>, Vec<Item>), ScratchError> {
    let place = |start, end| Box::new(Place::of(&source.path, &source.text, start, end));
    let statements = split::split(&source.text, 0..source.text.len()).map_err(|error| {
        let offset = error.offset();
        ScratchError::Unreadable {
            place: place(offset, offset + 1),
            reason: error.to_string(),
            help: error.help(),
        }
    })?;
    let (mut settings, mut items) = (Vec::new(), Vec::new());
    for Statement { span, copy_data } in statements {
        let text = &source.text[span.clone()];
        let word = first_word(text);
        match word.as_ref() {
            // Of a file that is meant for psql: each statement is a transaction of its own here.
            "begin" | "start" | "commit" | "end" => continue,
            "insert" | "update" | "delete" | "merge" | "truncate" | "copy" | "rollback"
            | "abort" | "vacuum" | "call" => {
                return Err(ScratchError::DeclaresNothing {
                    place: place(span.start, span.end),
                    word: word.into_owned(),
                });
            }
            "create" | "alter" | "drop" | "reassign" => {
                if let Some(second) = of_the_server(&word, text) {
                    if word == "create" && matches!(&*second, "role" | "user" | "group") {
                        // It was looked for before, with all others that are named.
                        continue;
                    }
                    return Err(ScratchError::DeclaresNothing {
                        place: place(span.start, span.end),
                        word: format!("{word} {second}"),
                    });
                }
            }
            _ => {}
        }
        debug_assert!(copy_data.is_none(), "only `copy` has data");
        let sets = sets_session(text);
        let item = Item {
            span,
            text: number,
            behind: settings.len(),
            refusal: None,
        };
        if sets { &mut settings } else { &mut items }.push(item);
    }
    Ok((settings, items))
}

/// The second word of a statement that changes something of the server, and not of one database's
/// schema: it would stay.
fn of_the_server(first: &str, text: &str) -> Option<String> {
    let mut lexer = Lexer::new(text.as_bytes(), 0);
    let words = std::iter::from_fn(|| lexer.next_token().ok().flatten());
    let mut words = words
        .skip(1)
        .map(|token| text[token.start..token.end].to_ascii_lowercase());
    let (second, third) = (words.next()?, words.next().unwrap_or_default());
    let is_its = match (first, &*second) {
        (_, "database" | "system" | "tablespace" | "subscription")
        | ("drop" | "reassign", "owned") => true,
        (_, "role" | "user" | "group") => third != "mapping",
        _ => false,
    };
    is_its.then_some(second)
}

/// What the validators of SQL and PL/pgSQL say to the functions, now that everything is there.
async fn odd_functions(client: &Client) -> Result<Vec<String>, Error> {
    let functions = "select p.oid::regprocedure::text, \
        pg_catalog.format('select %s(%s)', l.lanvalidator::regproc, p.oid) \
        from pg_catalog.pg_proc p join pg_catalog.pg_language l on l.oid = p.prolang \
        join pg_catalog.pg_namespace n on n.oid = p.pronamespace \
        where l.lanname in ('sql', 'plpgsql') and n.nspname !~ '^pg_' \
        and n.nspname <> 'information_schema' and not exists (\
            select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_proc'::regclass \
            and d.objid = p.oid and d.deptype = 'e') order by 1";
    let asking = Error::asking("looking at the declared functions");
    let afresh = "reset session authorization; reset role; reset all; \
        set check_function_bodies = on; set client_min_messages = error";
    let begun = client.batch_execute(afresh).await;
    begun.map_err(Failure::from).map_err(&asking)?;
    let rows = client.query_typed(functions, &[]).await;
    let mut odd = Vec::new();
    let rows = rows.map_err(Failure::from).map_err(&asking)?;
    for rows in rows.chunks(MOST) {
        let calls: Vec<&str> = rows.iter().map(|row| row.get(1)).collect();
        if run(client, &calls.join(";")).await?.is_ok() {
            continue;
        }
        for row in rows {
            let (name, sql): (&str, &str) = (row.get(0), row.get(1));
            if let Err(refusal) = run(client, sql).await? {
                odd.push(format!("function {name} of the declared schema: {refusal}"));
            }
        }
    }
    Ok(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_servers_is_not_declared() {
        let check = |text: &str, expected: Option<&str>| {
            let found = of_the_server(&first_word(text), text);
            assert_eq!(found.as_deref(), expected, "{text}");
        };
        check("create database a", Some("database"));
        check("alter /* all */ system set a = 1", Some("system"));
        check("create subscription s", Some("subscription"));
        check("ALTER ROLE a password 'b'", Some("role"));
        check("drop user a", Some("user"));
        check("drop owned by a", Some("owned"));
        check("reassign owned by a to b", Some("owned"));
        check(
            "alter user mapping for a server b options (add c 'd')",
            None,
        );
        check("drop user mapping for a server b", None);
        check("create role a", Some("role"));
        check("create user mapping for a server b", None);
        check("create table role (a int)", None);
    }
}
