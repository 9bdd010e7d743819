-- Creates the ledger in its schema. Runs under the lock, after a look that it is not there.
-- Constraints, defaults and toast tables of `revision` would be loaded by every start that asks it.
create table {schema}.revision (
    revision varchar(32) primary key,
    lineage varchar(64) not null,
    since timestamptz not null
);
comment on table {schema}.revision is 'castoff: one row for each current head';
comment on column {schema}.revision.lineage is
    'sha-256 over the revision, its script and the lineages of its parents';

create table {schema}.history (
    id bigint generated always as identity primary key,
    revision text not null,
    direction text not null check (direction in ('upgrade', 'downgrade', 'stamp', 'repair')),
    outcome text not null check (outcome in ('running', 'done', 'failed')),
    parents text[] not null,
    depends_on text[] not null,
    message text not null,
    raw_checksum text not null,
    canonical_checksum text not null,
    frame_text text,
    upgrade_text text,
    downgrade_text text,
    breaking text,
    reason text,
    statements integer not null,
    last_statement integer not null,
    begun_statement integer,
    begun_at timestamptz,
    started_at timestamptz not null,
    finished_at timestamptz,
    role text not null default session_user,
    host text not null,
    image text,
    castoff text not null
);
comment on table {schema}.history is 'castoff: what was done to this database, append-only';
comment on column {schema}.history.frame_text is
    'the file without the SQL of its sections';
comment on column {schema}.history.upgrade_text is
    'the section as it was; null when longer than 1 MiB';
comment on column {schema}.history.breaking is
    'why images without this revision must not start; null when they may';
comment on column {schema}.history.reason is 'why the revision was recorded again';
comment on column {schema}.history.last_statement is
    'how many statements are done; less than statements when an autocommit section stopped';
comment on column {schema}.history.begun_statement is
    'the statement that had begun outside a transaction when nothing more was heard of it';
create index history_revision on {schema}.history (revision);

create table {schema}.batch (
    revision text not null,
    direction text not null check (direction in ('upgrade', 'downgrade')),
    status text not null
        check (status in ('pending', 'running', 'paused', 'done', 'failed', 'aborted')),
    deferred boolean not null,
    canonical_checksum text not null,
    relation text,
    key text[],
    last_key text[],
    end_key text[],
    size integer not null,
    estimate bigint,
    rows bigint not null default 0,
    changed bigint not null default 0,
    batches bigint not null default 0,
    attempts integer not null default 0,
    throttled_by text,
    last_error text,
    host text,
    started_at timestamptz,
    updated_at timestamptz not null default pg_catalog.clock_timestamp(),
    finished_at timestamptz,
    primary key (revision, direction)
);
comment on table {schema}.batch is 'castoff: how far each section that runs in batches is';
comment on column {schema}.batch.last_key is
    'the key of the last row that is done; written in the transaction of its batch';
comment on column {schema}.batch.end_key is
    'the largest key there was at the start; rows behind it are not touched';
