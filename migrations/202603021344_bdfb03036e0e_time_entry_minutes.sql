-- Store the length of time entries in minutes
-- revision: bdfb03036e0e
-- down_revision: dd9fdff516ec

-- upgrade lock_timeout=2s
alter table time_entry add column minutes integer;

-- A trigger, so that servers that do not know the column yet fill it too during a rolling
-- deployment. Rows from before are filled by the next revision.
create function time_entry_set_minutes() returns trigger
language plpgsql
as $body$
begin
    new.minutes := ceil(extract(epoch from new.ended_at - new.started_at) / 60);
    return new;
end;
$body$;

create trigger time_entry_set_minutes
before insert or update of started_at, ended_at on time_entry
for each row execute function time_entry_set_minutes();

-- downgrade lock_timeout=2s
drop trigger time_entry_set_minutes on time_entry;
drop function time_entry_set_minutes();
alter table time_entry drop column minutes;
