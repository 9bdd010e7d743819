-- What was done, and for how long.

create table time_entry (
    id bigint generated always as identity primary key,
    task_id bigint not null references task on delete cascade,
    user_id bigint not null references app_user on delete cascade,
    started_at timestamptz not null,
    ended_at timestamptz not null,
    remark text not null default '',
    billable boolean not null default true,
    minutes integer not null,
    constraint time_entry_has_length check (ended_at > started_at),
    constraint time_entry_minutes_present check (minutes is not null and minutes > 0)
);

create index time_entry_task_started_idx on time_entry (task_id, started_at);
create index time_entry_user_id_idx on time_entry (user_id);

create function time_entry_set_minutes() returns trigger language plpgsql as $$
begin
    new.minutes := ceil(extract(epoch from new.ended_at - new.started_at) / 60);
    return new;
end;
$$;

create trigger time_entry_set_minutes
    before insert or update of started_at, ended_at on time_entry
    for each row execute function time_entry_set_minutes();
