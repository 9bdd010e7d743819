-- Takes the row of one batched section for a transaction, and looks at the lock and at whether the
-- revision of a deferred one is still applied.
select
    ({held}),
    b.status,
    b.last_key,
    b.end_key,
    not b.deferred or coalesce((
        select h.direction <> 'downgrade'
        from {schema}.history h
        where h.revision = b.revision and h.outcome = 'done'
        order by h.id desc
        limit 1
    ), false)
from {schema}.batch b
where b.revision = $2 and b.direction = $3
for update of b
