-- Fill in the minutes of older time entries, in batches
-- revision: ca3364f83c32
-- down_revision: bdfb03036e0e

-- upgrade
-- batch table=time_entry key=id size=5000
-- Each batch commits together with its progress, so that no row stays locked for long, and a start
-- that is stopped half way is gone on with. Rows that are right already are left alone.
update time_entry
set minutes = ceil(extract(epoch from ended_at - started_at) / 60)
where
    id > :low
    and id <= :high
    and minutes is distinct from ceil(extract(epoch from ended_at - started_at) / 60)::integer;

-- downgrade
-- batch table=time_entry key=id size=5000
update time_entry set minutes = null where id > :low and id <= :high and minutes is not null;
