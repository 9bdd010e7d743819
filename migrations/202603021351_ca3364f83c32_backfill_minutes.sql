-- Fill in the minutes of older time entries, in batches
-- revision: ca3364f83c32
-- down_revision: bdfb03036e0e

-- upgrade autocommit lock_timeout=2s statement_timeout=0
-- Each batch commits on its own, so that no row stays locked for long. A run that is stopped half
-- way can be repeated: rows that are right already are left alone.
do $backfill$
declare
    batch constant bigint := 5000;
    reached bigint := 0;
    final bigint;
begin
    select coalesce(max(id), 0) into final from time_entry;
    while reached < final loop
        update time_entry as e
        set minutes = ceil(extract(epoch from e.ended_at - e.started_at) / 60)
        where
            e.id > reached
            and e.id <= reached + batch
            and e.minutes is distinct from
                ceil(extract(epoch from e.ended_at - e.started_at) / 60)::integer;
        commit;
        reached := reached + batch;
    end loop;
end;
$backfill$;

-- downgrade lock_timeout=2s
update time_entry set minutes = null where minutes is not null;
