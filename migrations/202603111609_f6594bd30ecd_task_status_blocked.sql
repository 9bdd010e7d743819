-- Let a task be blocked
-- revision: f6594bd30ecd
-- down_revision: 8e1517380686

-- upgrade lock_timeout=2s
-- The new value cannot be used before this is committed, so it has a revision of its own.
alter type task_status add value 'blocked' before 'done';

-- downgrade irreversible: PostgreSQL cannot remove a value from an enum, and tasks may have it
