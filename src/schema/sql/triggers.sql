-- Triggers of tables and views. Those that a partition has from its parent are the parent's.
select
    'pg_trigger'::regclass::oid,
    g.oid,
    0,
    'trigger',
    array[n.nspname::text, c.relname::text, g.tgname::text],
    array[
        'definition', pg_get_triggerdef(g.oid),
        'constraint', case when g.tgconstraint <> 0 then 'true' end,
        'enabled', case g.tgenabled when 'D' then 'disable' when 'A' then 'enable always' when 'R' then 'enable replica' end,
        'inherited', case when g.tgparentid <> 0 then 'true' end,
        'comment', said.description
    ]
from pg_trigger g
join pg_class c on c.oid = g.tgrelid
join pg_namespace n on n.oid = c.relnamespace
left join pg_description said on said.objoid = g.oid and said.classoid = 'pg_trigger'::regclass and said.objsubid = 0
where not g.tgisinternal
    and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and n.nspname <> $1
    and not exists (
        select from pg_depend e
        where ((e.classid = 'pg_class'::regclass and e.objid = c.oid)
            or (e.classid = 'pg_trigger'::regclass and e.objid = g.oid))
            and e.deptype = 'e'
    )
