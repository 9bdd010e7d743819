-- Event triggers.
select
    'pg_event_trigger'::regclass::oid,
    g.oid,
    0,
    'event trigger',
    array[g.evtname::text],
    array[
        'event', g.evtevent::text,
        'tags', (select string_agg(quote_literal(tag), ', ') from unnest(g.evttags) tag),
        'function', g.evtfoid::regproc::text,
        'enabled', case g.evtenabled when 'D' then 'disable' when 'A' then 'enable always' when 'R' then 'enable replica' end,
        'owner', pg_get_userbyid(g.evtowner)::text,
        'comment', obj_description(g.oid, 'pg_event_trigger')
    ]
from pg_event_trigger g
where $1 is not null
    and not exists (
        select from pg_depend e
        where e.classid = 'pg_event_trigger'::regclass and e.objid = g.oid and e.deptype = 'e'
    )
