-- Check the minutes of all time entries
-- revision: 8e1517380686
-- down_revision: 312f4580d1ee

-- upgrade lock_timeout=2s statement_timeout=0
alter table time_entry validate constraint time_entry_minutes_present;

-- The valid constraint proves it, so this does not scan the table.
alter table time_entry alter column minutes set not null;

-- downgrade lock_timeout=2s
alter table time_entry alter column minutes drop not null;
alter table time_entry drop constraint time_entry_minutes_present;
alter table time_entry
    add constraint time_entry_minutes_present check (minutes is not null and minutes > 0) not valid;
