-- Aggregates, put together from their parts: the server does not print them.
select
    'pg_proc'::regclass::oid,
    p.oid,
    0,
    'aggregate',
    array[n.nspname::text, p.proname::text, oidvectortypes(p.proargtypes)],
    array[
        'arguments', case
            when p.pronargs = 0 then '*'
            else pg_get_function_arguments(p.oid)
        end,
        'signature', case
            when p.pronargs = 0 then '*'
            when a.aggkind <> 'n' then pg_get_function_arguments(p.oid)
            else pg_get_function_identity_arguments(p.oid)
        end,
        'parts', concat_ws(', ',
            'sfunc = ' || a.aggtransfn::regproc,
            'stype = ' || format_type(a.aggtranstype, null),
            'sspace = ' || nullif(a.aggtransspace, 0),
            'finalfunc = ' || nullif(a.aggfinalfn, 0)::regproc,
            case when a.aggfinalextra then 'finalfunc_extra' end,
            'finalfunc_modify = ' || case
                when a.aggfinalmodify = case when a.aggkind = 'n' then 'r' else 'w' end then null
                when a.aggfinalmodify = 'r' then 'read_only'
                when a.aggfinalmodify = 's' then 'shareable'
                else 'read_write'
            end,
            'combinefunc = ' || nullif(a.aggcombinefn, 0)::regproc,
            'serialfunc = ' || nullif(a.aggserialfn, 0)::regproc,
            'deserialfunc = ' || nullif(a.aggdeserialfn, 0)::regproc,
            'initcond = ' || quote_literal(a.agginitval),
            'msfunc = ' || nullif(a.aggmtransfn, 0)::regproc,
            'minvfunc = ' || nullif(a.aggminvtransfn, 0)::regproc,
            'mstype = ' || case when a.aggmtranstype <> 0 then format_type(a.aggmtranstype, null) end,
            'msspace = ' || nullif(a.aggmtransspace, 0),
            'mfinalfunc = ' || nullif(a.aggmfinalfn, 0)::regproc,
            case when a.aggmfinalextra then 'mfinalfunc_extra' end,
            'mfinalfunc_modify = ' || case
                when a.aggmfinalfn = 0 then null
                when a.aggmfinalmodify = case when a.aggkind = 'n' then 'r' else 'w' end then null
                when a.aggmfinalmodify = 'r' then 'read_only'
                when a.aggmfinalmodify = 's' then 'shareable'
                else 'read_write'
            end,
            'minitcond = ' || quote_literal(a.aggminitval),
            'sortop = ' || case when a.aggsortop <> 0 then (
                select format('operator(%I.%s)', sn.nspname, o.oprname)
                from pg_operator o
                join pg_namespace sn on sn.oid = o.oprnamespace
                where o.oid = a.aggsortop
            ) end,
            'parallel = ' || case p.proparallel when 's' then 'safe' when 'r' then 'restricted' end,
            case when a.aggkind = 'h' then 'hypothetical' end
        ),
        'owner', pg_get_userbyid(p.proowner)::text,
        'acl', to_json(p.proacl::text[])::text,
        'comment', obj_description(p.oid, 'pg_proc')
    ]
from pg_aggregate a
join pg_proc p on p.oid = a.aggfnoid
join pg_namespace n on n.oid = p.pronamespace
where n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and n.nspname <> $1
    and not exists (
        select from pg_depend e
        where e.classid = 'pg_proc'::regclass and e.objid = p.oid and e.deptype = 'e'
    )
