-- Index time entries by task and start without blocking writers
-- revision: dd9fdff516ec
-- down_revision: f9abc4ef6bdd

-- upgrade autocommit lock_timeout=0 statement_timeout=0
-- Building concurrently waits for older transactions, not for locks that block anyone: no limits.
create index concurrently time_entry_task_started_idx on time_entry (task_id, started_at);

-- downgrade autocommit lock_timeout=0 statement_timeout=0
drop index concurrently time_entry_task_started_idx;
