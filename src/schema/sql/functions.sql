-- Functions and procedures.
select
    'pg_proc'::regclass::oid,
    p.oid,
    0,
    'function',
    array[n.nspname::text, p.proname::text, oidvectortypes(p.proargtypes)],
    array[
        'kind', case p.prokind when 'p' then 'procedure' when 'w' then 'window' else 'function' end,
        'definition', pg_get_functiondef(p.oid),
        'result', pg_get_function_result(p.oid),
        'arguments', pg_get_function_arguments(p.oid),
        'defaults', nullif(p.pronargdefaults, 0)::text,
        'signature', oidvectortypes(p.proargtypes),
        'names', pg_get_function_identity_arguments(p.oid),
        'sql body', case when p.prosqlbody is not null then 'true' end, -- since 14
        'owner', pg_get_userbyid(p.proowner)::text,
        'acl', to_json(p.proacl::text[])::text,
        'comment', said.description
    ]
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
left join pg_description said on said.objoid = p.oid and said.classoid = 'pg_proc'::regclass and said.objsubid = 0
where p.prokind <> 'a'
    and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and n.nspname <> $1
    and not exists (
        select from pg_depend e
        where e.classid = 'pg_proc'::regclass and e.objid = p.oid and e.deptype in ('e', 'i')
    )
