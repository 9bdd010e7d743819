//! Changes of tables in use: what is generated, which locks it takes, and that others go on working.

use std::process::Command;

use expect_test::expect;

use super::diff_kinds::{cases, check, diff};
use super::migrate_generated::{files, project, sections};
use super::support::clients::client;
use super::support::database::Database;
use super::support::project::Project;
use super::support::server::Server;
use super::support::transcript::{prepare, run};
use super::support::{DEADLINE, until};

const PAIRS: &str = include_str!("diff/online.sql");

/// Cases in which something has to be rewritten or scanned under a lock, whatever is done.
const NOT_ALL_ONLINE: [&str; 5] = [
    "an index becomes a constraint",
    "a type and not null change under a view",
    "a type that is made anew takes its constraints and indexes along",
    "a foreign key of partitions",
    "one partition takes the place of another",
];

/// What a session says with `client_min_messages = debug1` when it reads or writes all of a table.
const LONG_WORK: [&str; 4] = [
    "verifying table",
    "rewriting table",
    "building index",
    "validating foreign key constraint",
];

#[test]
fn what_is_done_online_leads_to_the_same() {
    check(PAIRS, 14);
}

/// The tables that are there, with what a lock that keeps others from writing would be on.
const LOCKS: &str = "select l.relation::regclass, l.mode from pg_locks l \
    join castoff_before b on b.oid = l.relation where l.pid = pg_backend_pid() and l.granted \
    and l.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock') \
    order by 1, 2";

/// Runs a statement as psql does. What it says, and the locks it has in the end.
fn run_and_look(database: &Database<'_>, statement: &str) -> (String, String) {
    let mut psql = Command::new(client("psql"));
    psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", &database.url()]);
    psql.args(["-c", "set client_min_messages = debug1"]);
    // Those take SHARE UPDATE EXCLUSIVE, by PostgreSQL's manual, and run in no transaction.
    if statement.to_ascii_lowercase().contains(" concurrently") {
        psql.args(["-c", statement]);
    } else {
        psql.args(["-c", "begin", "-c", statement, "-c", "\\echo locks"]);
        psql.args(["-c", LOCKS, "-c", "commit"]);
    }
    let output = psql.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{statement}: {said}");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let locks = stdout
        .split_once("locks\n")
        .map(|(_, locks)| locks.to_owned());
    (said, locks.unwrap_or_default())
}

/// Whether a statement looks at the rows of a table that was just made, and so at none.
fn is_about_a_new_table(database: &Database<'_>, statement: &str) -> bool {
    if statement.starts_with("create table") {
        return true;
    }
    let Some(rest) = statement.strip_prefix("alter table public.") else {
        return false;
    };
    let (table, _) = rest.split_once(' ').unwrap();
    let sql = format!("select from castoff_before where oid = 'public.{table}'::regclass");
    database.rows(&sql).is_empty()
}

/// How many statements looked at all of a table, and how many had a strong lock.
fn assert_no_long_work_under_a_lock(name: &str, old: &str, new: &str) -> (usize, usize) {
    let server = Server::shared();
    let (from, to) = (server.database(), server.database());
    from.sql(old);
    from.sql(
        "create table castoff_before as select oid from pg_class where relkind in ('r', 'p', 'm')",
    );
    to.sql(new);
    to.sql("create table castoff_before (oid oid)");
    let (mut long, mut strong) = (0, 0);
    for statement in diff(&from, &to).split(";\n").filter(|one| !one.is_empty()) {
        let (said, locks) = run_and_look(&from, statement);
        let is_long = LONG_WORK.iter().any(|words| said.contains(words))
            && !is_about_a_new_table(&from, statement);
        long += usize::from(is_long);
        strong += usize::from(!locks.is_empty());
        assert!(
            !is_long || locks.is_empty(),
            "{name}: {statement}\n{said}{locks}"
        );
    }
    (long, strong)
}

#[test]
fn nothing_takes_long_while_a_lock_keeps_others_out() {
    let (mut long, mut strong) = (0, 0);
    for case in cases(PAIRS) {
        if NOT_ALL_ONLINE.contains(&case.name) {
            continue;
        }
        for (old, new) in [(case.old, case.new), (case.new, case.old)] {
            let found = assert_no_long_work_under_a_lock(case.name, old, new);
            (long, strong) = (long + found.0, strong + found.1);
        }
    }
    // What is looked for can be found.
    assert!(long > 40 && strong > 40, "{long} long, {strong} strong");
    let database = Server::shared().database();
    database.sql(
        "create table t (a int); create table castoff_before as select 't'::regclass::oid oid",
    );
    let (said, locks) = run_and_look(&database, "alter table t alter column a set not null");
    assert!(
        said.contains("verifying table") && locks == "t|AccessExclusiveLock\n",
        "{said}{locks}"
    );
    let (said, locks) = run_and_look(&database, "create index on t (a)");
    assert!(
        said.contains("building index") && locks.contains("ShareLock"),
        "{said}{locks}"
    );
}

/// A table in use, a new column and table, and an index, a check and a foreign key.
fn shop() -> Project {
    project(
        "create table customer (id bigint primary key);\n\
         create table invoice (id bigint primary key, customer bigint, total numeric);\n\
         create index invoice_total on invoice (total);\n\
         insert into customer select generate_series(1, 100);\n\
         insert into invoice select i, i, i from generate_series(1, 100) i;",
        "create table customer (id bigint primary key);\n\
         create table invoice (id bigint primary key, customer bigint references customer,\n\
             total numeric check (total > 0), due date);\n\
         create index invoice_total on invoice (total, id);\n\
         create index invoice_due on invoice (due);\n\
         create table note (id bigint primary key, invoice bigint references invoice);\n",
    )
}

#[test]
fn what_cannot_be_in_one_transaction_is_a_migration_of_its_own() {
    let project = shop();
    let database = Server::shared().database();
    let migrate = "migrate -m 'Due dates' --rev-id bbbb22";
    run(&project, Some(&database), migrate).status(0);
    let names = files(&project);
    assert_eq!(names.len(), 3, "{names:?}");
    let first = names
        .iter()
        .find(|name| name.ends_with("_due_dates.sql"))
        .unwrap();
    let online = names
        .iter()
        .find(|name| name.ends_with("_due_dates_online.sql"))
        .unwrap();
    assert!(online.contains("_bbbb22_"), "{names:?}");
    let first = std::fs::read_to_string(project.path(&format!("migrations/{first}"))).unwrap();
    let (_, first) = first.split_once("\n\n").unwrap();
    expect![[r#"
        -- upgrade
        create table public.note (
            id bigint not null,
            invoice bigint
        );

        -- locks public.invoice (access exclusive)
        alter table public.invoice add column due date;

        -- locks public.invoice (share row exclusive)
        alter table public.note add constraint note_invoice_fkey FOREIGN KEY (invoice) REFERENCES public.invoice(id);
        alter table public.note add constraint note_pkey PRIMARY KEY (id);

        -- downgrade
        -- Loses what was written into what the upgrade made.

        -- loses: the column and its values
        -- locks public.invoice (access exclusive)
        alter table public.invoice drop column due;

        -- loses: the table and its rows
        -- locks public.invoice (access exclusive)
        drop table public.note;
    "#]].assert_eq(first);
    expect![[r#"
        -- upgrade autocommit
        -- locks public.invoice (share row exclusive)
        -- locks public.customer (share row exclusive)
        -- probe: select exists (select from public.invoice a where a.customer is not null and not exists (select from public.customer b where b.id = a.customer)) -- rows of public.invoice lead to no row of public.customer
        alter table public.invoice add constraint invoice_customer_fkey FOREIGN KEY (customer) REFERENCES public.customer(id) NOT VALID;

        -- locks public.invoice (share update exclusive)
        alter table public.invoice validate constraint invoice_customer_fkey;

        -- locks public.invoice (access exclusive)
        -- probe: select exists (select from public.invoice where not ((total > (0)::numeric))) -- rows of public.invoice do not pass invoice_total_check
        alter table public.invoice add constraint invoice_total_check CHECK ((total > (0)::numeric)) NOT VALID;

        -- locks public.invoice (share update exclusive)
        alter table public.invoice validate constraint invoice_total_check;

        -- locks public.invoice (share update exclusive); reads all of it
        CREATE INDEX CONCURRENTLY invoice_due ON public.invoice USING btree (due);

        -- locks public.invoice (share update exclusive); reads all of it
        CREATE INDEX CONCURRENTLY invoice_total_new ON public.invoice USING btree (total, id);
        alter index public.invoice_total rename to invoice_total_old;
        alter index public.invoice_total_new rename to invoice_total;
        drop index concurrently public.invoice_total_old;

        -- downgrade autocommit
        -- locks public.customer (access exclusive)
        -- locks public.invoice (access exclusive)
        alter table public.invoice drop constraint invoice_customer_fkey;

        -- locks public.invoice (access exclusive)
        alter table public.invoice drop constraint invoice_total_check;

        -- locks public.invoice (share update exclusive); reads all of it
        CREATE INDEX CONCURRENTLY invoice_total_new ON public.invoice USING btree (total);
        alter index public.invoice_total rename to invoice_total_old;
        alter index public.invoice_total_new rename to invoice_total;
        drop index concurrently public.invoice_total_old;
        drop index concurrently public.invoice_due;
    "#]].assert_eq(&sections(&project, "bbbb22"));
    for line in ["upgrade", "check", "downgrade aaaa11", "upgrade", "check"] {
        run(&project, Some(&database), line).status(0);
    }
}

#[test]
fn the_short_form_is_one_transaction() {
    let project = shop();
    let database = Server::shared().database();
    let migrate = "migrate -m 'Due dates' --rev-id bbbb22 --online off";
    run(&project, Some(&database), migrate).status(0);
    assert_eq!(files(&project).len(), 2);
    expect![[r#"
        -- upgrade
        -- locks public.invoice (access exclusive)
        drop index public.invoice_total;
        create table public.note (
            id bigint not null,
            invoice bigint
        );

        -- locks public.invoice (access exclusive)
        alter table public.invoice add column due date;

        -- locks public.customer (share row exclusive); reads all of it
        -- locks public.invoice (share row exclusive); reads all of it
        -- probe: select exists (select from public.invoice a where a.customer is not null and not exists (select from public.customer b where b.id = a.customer)) -- rows of public.invoice lead to no row of public.customer
        alter table public.invoice add constraint invoice_customer_fkey FOREIGN KEY (customer) REFERENCES public.customer(id);

        -- locks public.invoice (access exclusive); reads all of it
        -- probe: select exists (select from public.invoice where not ((total > (0)::numeric))) -- rows of public.invoice do not pass invoice_total_check
        alter table public.invoice add constraint invoice_total_check CHECK ((total > (0)::numeric));

        -- locks public.invoice (share row exclusive)
        alter table public.note add constraint note_invoice_fkey FOREIGN KEY (invoice) REFERENCES public.invoice(id);
        alter table public.note add constraint note_pkey PRIMARY KEY (id);

        -- locks public.invoice (share); reads all of it
        CREATE INDEX invoice_due ON public.invoice USING btree (due);

        -- locks public.invoice (share); reads all of it
        CREATE INDEX invoice_total ON public.invoice USING btree (total, id);

        -- downgrade
        -- Loses what was written into what the upgrade made.

        -- locks public.invoice (access exclusive)
        drop index public.invoice_total;

        -- locks public.customer (access exclusive)
        -- locks public.invoice (access exclusive)
        alter table public.invoice drop constraint invoice_customer_fkey;

        -- locks public.invoice (access exclusive)
        alter table public.invoice drop constraint invoice_total_check;

        -- loses: the column and its values
        -- locks public.invoice (access exclusive)
        alter table public.invoice drop column due;

        -- loses: the table and its rows
        -- locks public.invoice (access exclusive)
        drop table public.note;

        -- locks public.invoice (share); reads all of it
        CREATE INDEX invoice_total ON public.invoice USING btree (total);
    "#]].assert_eq(&sections(&project, "bbbb22"));
}

#[test]
fn others_write_while_an_index_waits_for_an_old_transaction() {
    let project = project(
        "create table t (a integer);\ninsert into t values (1);",
        "create table t (a integer);\ncreate index t_a on t (a);\n",
    );
    let database = Server::shared().database();
    run(&project, Some(&database), "upgrade").status(0);
    run(
        &project,
        Some(&database),
        "migrate -m Index --rev-id bbbb22",
    )
    .status(0);
    let writer = database.session();
    writer.sql("begin; insert into t values (2)");
    let running = prepare(&project, Some(&database), "upgrade").spawn();
    let waits = "select count(*) from pg_stat_activity where datname = current_database() \
        and wait_event_type = 'Lock' and query like 'CREATE INDEX CONCURRENTLY%'";
    until("the index waits", DEADLINE, || {
        (database.rows(waits) == "1\n").then_some(())
    });
    database.sql("set lock_timeout = '1s'; insert into t values (3); select count(*) from t");
    writer.sql("commit");
    running.wait(DEADLINE).status(0);
    let index = "select indisvalid from pg_index where indexrelid = 't_a'::regclass";
    assert_eq!(database.rows(index), "t\n");
}

#[test]
fn constraints_and_indexes_come_while_somebody_reads() {
    let project = project(
        "create table a (id bigint primary key);\ncreate table t (id bigint, a bigint);\n\
         create index t_a on t (a);\n\
         insert into a values (1);\ninsert into t select i, 1 from generate_series(1, 100) i;",
        "create table a (id bigint primary key);\n\
         create table t (id bigint, a bigint references a);\n\
         create index t_a on t (a);\ncreate index t_id on t (id);\n",
    );
    let database = Server::shared().database();
    run(&project, Some(&database), "upgrade").status(0);
    run(&project, Some(&database), "migrate -m More --rev-id bbbb22").status(0);
    let reader = database.session();
    reader.sql("begin; select count(*) from t");
    run(&project, Some(&database), "upgrade").status(0);
    assert_eq!(reader.rows("select count(*) from t"), "100\n");
    reader.sql("commit");
    run(&project, Some(&database), "check").status(0);
}

#[test]
fn a_check_that_is_not_met_stops_and_goes_on_when_it_is() {
    let project = project(
        "create table t (a integer);",
        "create table t (a integer not null);\n",
    );
    let database = Server::shared().database();
    run(&project, Some(&database), "upgrade").status(0);
    run(
        &project,
        Some(&database),
        "migrate -m Strict --rev-id bbbb22",
    )
    .status(0);
    database.sql("insert into t values (null)");
    run(&project, Some(&database), "upgrade").status(16);
    database.sql("update t set a = 1");
    run(&project, Some(&database), "upgrade").status(0);
    run(&project, Some(&database), "check").status(0);
}
