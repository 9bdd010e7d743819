//! `castoff diff`: the statements from one schema to another.

use std::collections::BTreeSet;

use crate::cli::Diff;
use crate::config::Config;
use crate::database::conninfo::Sources;
use crate::error::Error;
use crate::report;
use crate::run::Context;
use crate::run::signal::Stop;
use crate::schema::model::Schema;
use crate::schema::render::Sides;
use crate::schema::{catalog, difference, order};

pub(super) fn diff(config: &Config, stop: &Stop, arguments: &Diff) -> Result<(), Error> {
    let old = read(config, stop, &arguments.from)?;
    let new = read(config, stop, &arguments.to)?;
    let sides = Sides {
        old: &old.0,
        new: &new.0,
        keywords: &new.1,
        major: new.2,
    };
    let difference = difference::compare(&sides);
    let statements = order::statements(&sides, &difference)
        .map_err(|cycle| Error::System(std::io::Error::other(cycle.to_string())))?;
    let mut text = String::new();
    for statement in statements {
        text.push_str(&statement.sql);
        text.push_str(";\n");
    }
    report::print(&text)
}

fn read(config: &Config, stop: &Stop, url: &str) -> Result<(Schema, BTreeSet<String>, u32), Error> {
    let context = Context::to(
        config,
        stop,
        &Sources {
            url: Some((url.to_owned(), "the command line".to_owned())),
            ..config.database.clone()
        },
    )?;
    context.block_on(async {
        let (session, _) = context.connect_now().await?;
        let reading = Error::asking("reading the schema");
        let ledger = config.ledger_schema.as_str();
        let schema = catalog::read(session.client(), ledger)
            .await
            .map_err(reading)?;
        let reading = Error::asking("reading the server's keywords");
        let (keywords, major) = catalog::words(session.client()).await.map_err(reading)?;
        Ok((schema, keywords, major))
    })
}
