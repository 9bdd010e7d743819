-- Add time entries
-- revision: fc7dd865c38d
-- down_revision: cdaa0f41cbae

-- upgrade lock_timeout=2s
create table time_entry (
    id bigint generated always as identity primary key,
    task_id bigint not null references task (id) on delete cascade,
    user_id bigint not null references app_user (id) on delete cascade,
    started_at timestamptz not null,
    ended_at timestamptz not null,
    remark text not null default '',
    constraint time_entry_has_length check (ended_at > started_at)
);

create index time_entry_user_id_idx on time_entry (user_id);

-- downgrade lock_timeout=2s
drop table time_entry;
