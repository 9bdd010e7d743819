-- Operators.
select
    'pg_operator'::regclass::oid,
    o.oid,
    0,
    'operator',
    array[
        n.nspname::text,
        o.oprname::text,
        case when o.oprleft = 0 then 'none' else format_type(o.oprleft, null) end,
        case when o.oprright = 0 then 'none' else format_type(o.oprright, null) end
    ],
    array[
        'shell', case when o.oprcode = 0 then 'true' end,
        'create', concat_ws(', ',
            'function = ' || nullif(o.oprcode, 0)::regproc,
            case when o.oprleft <> 0 then 'leftarg = ' || format_type(o.oprleft, null) end,
            case when o.oprright <> 0 then 'rightarg = ' || format_type(o.oprright, null) end,
            (select format('commutator = operator(%I.%s)', cn.nspname, c.oprname) from pg_operator c join pg_namespace cn on cn.oid = c.oprnamespace where c.oid = o.oprcom),
            (select format('negator = operator(%I.%s)', cn.nspname, c.oprname) from pg_operator c join pg_namespace cn on cn.oid = c.oprnamespace where c.oid = o.oprnegate),
            'restrict = ' || nullif(o.oprrest, 0)::regproc,
            'join = ' || nullif(o.oprjoin, 0)::regproc,
            case when o.oprcanhash then 'hashes' end,
            case when o.oprcanmerge then 'merges' end
        ),
        'owner', pg_get_userbyid(o.oprowner)::text,
        'comment', obj_description(o.oid, 'pg_operator')
    ]
from pg_operator o
join pg_namespace n on n.oid = o.oprnamespace
where n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and n.nspname <> $1
    and not exists (
        select from pg_depend e
        where e.classid = 'pg_operator'::regclass and e.objid = o.oid and e.deptype = 'e'
    )
