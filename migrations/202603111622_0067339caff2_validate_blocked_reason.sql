-- Check that blocked tasks have a reason
-- revision: 0067339caff2
-- down_revision: 725ed97d86b3

-- upgrade lock_timeout=2s statement_timeout=0
alter table task validate constraint task_blocked_has_reason;

-- downgrade lock_timeout=2s
alter table task drop constraint task_blocked_has_reason;
alter table task
    add constraint task_blocked_has_reason
    check (status <> 'blocked' or blocked_reason is not null) not valid;
