-- Add an hourly rate to projects and say which time is billable
-- revision: e5d17fe7513d
-- down_revision: fc7dd865c38d
-- branch_labels: billing

-- upgrade lock_timeout=2s
alter table project
    add column hourly_rate numeric(8, 2) check (hourly_rate >= 0);

-- A constant default needs no rewrite of the table.
alter table time_entry
    add column billable boolean not null default true;

-- downgrade lock_timeout=2s
alter table time_entry drop column billable;
alter table project drop column hourly_rate;
