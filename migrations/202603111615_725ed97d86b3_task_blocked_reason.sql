-- Say why a task is blocked
-- revision: 725ed97d86b3
-- down_revision: f6594bd30ecd

-- upgrade lock_timeout=2s
alter table task add column blocked_reason text;

alter table task
    add constraint task_blocked_has_reason
    check (status <> 'blocked' or blocked_reason is not null) not valid;

update task
set status = 'blocked', blocked_reason = 'waits for note G'
where title = 'Prove the mill correct' and status = 'todo';

-- downgrade lock_timeout=2s
update task set status = 'todo' where status = 'blocked';
alter table task drop constraint task_blocked_has_reason;
alter table task drop column blocked_reason;
