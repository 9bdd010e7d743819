-- Rules, but for those that make views.
select
    'pg_rewrite'::regclass::oid,
    r.oid,
    0,
    'rule',
    array[n.nspname::text, c.relname::text, r.rulename::text],
    array[
        'definition', pg_get_ruledef(r.oid),
        'enabled', case r.ev_enabled when 'D' then 'disable' when 'A' then 'enable always' when 'R' then 'enable replica' end,
        'comment', obj_description(r.oid, 'pg_rewrite')
    ]
from pg_rewrite r
join pg_class c on c.oid = r.ev_class
join pg_namespace n on n.oid = c.relnamespace
where r.rulename <> '_RETURN'
    and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and n.nspname <> $1
    and not exists (
        select from pg_depend e
        where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e'
    )
