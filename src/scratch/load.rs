//! Building a declared schema, in whatever order it is declared: statements that fail because
//! something is not there yet are tried again when the others have been run.

use std::ops::Range;

use tokio_postgres::Client;

use super::declared::Source;
use super::error::ScratchError;
use crate::database::failure::{Failure, Refusal};
use crate::error::Error;
use crate::place::Place;
use crate::sql::classify::{first_word, sets_session};
use crate::sql::split::{self, Statement};

/// What each text starts with: nothing of the text before. Bodies of functions are looked at when
/// all is there.
const AFRESH: &str = "reset session authorization; reset role; reset all; \
    set check_function_bodies = off; set client_min_messages = error";

/// Refusals that may go away when something else has been made: the class of syntax errors and
/// things that are not there, but for the syntax itself, and of states that do not fit.
fn may_pass(refusal: &Refusal) -> bool {
    let class = refusal.sqlstate.get(..2).unwrap_or_default();
    refusal.sqlstate != "42601" && matches!(class, "42" | "3F" | "55" | "0A" | "22")
}

/// A statement of a text.
struct Item {
    span: Range<usize>,
    /// Whether it only sets something for those behind it: run again in each round.
    sets: bool,
    done: bool,
    refusal: Option<Box<Refusal>>,
}

/// Builds the schema; gives a line for each function whose body the server does not like.
pub(super) async fn load(
    client: &Client,
    sources: &[Source],
    go_on: impl Fn() -> Result<(), Error>,
) -> Result<Vec<String>, Error> {
    let mut texts: Vec<(&Source, Vec<Item>)> = Vec::new();
    for source in sources {
        texts.push((source, items(source)?));
    }
    loop {
        let (mut advanced, mut left) = (false, 0);
        for (source, items) in &mut texts {
            if items.iter().all(|item| item.done || item.sets) {
                continue;
            }
            go_on()?;
            run(client, AFRESH).await?.map_err(|refusal| {
                Error::asking("preparing to load the schema")(Failure::Refused(refusal))
            })?;
            for item in items.iter_mut().filter(|item| item.sets || !item.done) {
                let text = &source.text[item.span.clone()];
                match run(client, text).await? {
                    Ok(()) => {
                        advanced |= !item.sets;
                        item.done = true;
                        item.refusal = None;
                    }
                    // Roles are the server's: this one is there already.
                    Err(refusal) if refusal.sqlstate == "42710" && creates_role(text) => {
                        item.done = true;
                        advanced = true;
                    }
                    Err(refusal) => {
                        let is_final =
                            item.sets || !may_pass(&refusal) || first_word(text) == "drop";
                        item.refusal = Some(refusal);
                        if is_final {
                            return Err(unloadable([(*source, &*item)].into_iter()));
                        }
                        left += 1;
                    }
                }
            }
        }
        if left == 0 {
            return odd_functions(client).await;
        }
        if !advanced {
            let failed = texts.iter().flat_map(|(source, items)| {
                let failed = items.iter().filter(|item| item.refusal.is_some());
                failed.map(move |item| (*source, item))
            });
            return Err(unloadable(failed));
        }
    }
}

fn creates_role(text: &str) -> bool {
    let mut words = text.split_whitespace().map(str::to_ascii_lowercase);
    words.next().as_deref() == Some("create")
        && words
            .next()
            .is_some_and(|word| matches!(&*word, "role" | "user" | "group"))
}

/// Runs one statement: refusals are answers, everything else is an error.
async fn run(client: &Client, text: &str) -> Result<Result<(), Box<Refusal>>, Error> {
    match client.batch_execute(text).await.map_err(Failure::from) {
        Ok(()) => Ok(Ok(())),
        Err(Failure::Refused(refusal)) => Ok(Err(refusal)),
        Err(failure) => Err(Error::asking("loading the schema")(failure)),
    }
}

fn items(source: &Source) -> Result<Vec<Item>, ScratchError> {
    let place = |start, end| Box::new(Place::of(&source.path, &source.text, start, end));
    let statements = split::split(&source.text, 0..source.text.len()).map_err(|error| {
        let offset = error.offset();
        ScratchError::Unreadable {
            place: place(offset, offset + 1),
            reason: error.to_string(),
            help: error.help(),
        }
    })?;
    let mut items = Vec::new();
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
            "create" | "alter" | "drop" => {
                // Of the server, and not of one database's schema: it would stay.
                let second = text.split_whitespace().nth(1).map(str::to_ascii_lowercase);
                if let Some(second) = second.as_deref()
                    && matches!(
                        second,
                        "database" | "system" | "tablespace" | "subscription"
                    )
                {
                    return Err(ScratchError::DeclaresNothing {
                        place: place(span.start, span.end),
                        word: format!("{word} {second}"),
                    });
                }
            }
            _ => {}
        }
        debug_assert!(copy_data.is_none(), "only `copy` has data");
        items.push(Item {
            sets: sets_session(text),
            span,
            done: false,
            refusal: None,
        });
    }
    Ok(items)
}

fn unloadable<'i>(failed: impl Iterator<Item = (&'i Source, &'i Item)>) -> Error {
    let mut failed = failed.filter_map(|(source, item)| {
        let Range { start, end } = item.span;
        let place = Place::of(&source.path, &source.text, start, end);
        Some((place, item.refusal.clone()?))
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
    }
    .into()
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
    for row in rows.map_err(Failure::from).map_err(&asking)? {
        let (name, sql): (&str, &str) = (row.get(0), row.get(1));
        if let Err(refusal) = run(client, sql).await? {
            odd.push(format!("function {name} of the declared schema: {refusal}"));
        }
    }
    Ok(odd)
}
