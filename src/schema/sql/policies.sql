-- Policies of row level security.
select
    'pg_policy'::regclass::oid,
    p.oid,
    0,
    'policy',
    array[n.nspname::text, c.relname::text, p.polname::text],
    array[
        'command', case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
        'restrictive', case when not p.polpermissive then 'true' end,
        'roles', case when p.polroles = '{0}' then 'public' else (
            select string_agg(quote_ident(rolname), ', ' order by rolname) from pg_roles where oid = any (p.polroles)
        ) end,
        'using', pg_get_expr(p.polqual, p.polrelid),
        'check', pg_get_expr(p.polwithcheck, p.polrelid),
        'comment', said.description
    ]
from pg_policy p
join pg_class c on c.oid = p.polrelid
join pg_namespace n on n.oid = c.relnamespace
left join pg_description said on said.objoid = p.oid and said.classoid = 'pg_policy'::regclass and said.objsubid = 0
where n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and n.nspname <> $1
    and not exists (
        select from pg_depend e
        where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e'
    )
