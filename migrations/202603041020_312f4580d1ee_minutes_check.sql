-- Require minutes for new time entries
-- revision: 312f4580d1ee
-- down_revision: ca3364f83c32

-- upgrade lock_timeout=2s
-- `not valid` needs the lock only for an instant; the rows that are there are checked by the next
-- revision under a lock that lets people go on working.
alter table time_entry
    add constraint time_entry_minutes_present check (minutes is not null and minutes > 0) not valid;

-- downgrade lock_timeout=2s
alter table time_entry drop constraint time_entry_minutes_present;
