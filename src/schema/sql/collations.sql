-- Collations.
select
    'pg_collation'::regclass::oid,
    c.oid,
    0,
    'collation',
    array[n.nspname::text, c.collname::text],
    array[
        'create', concat_ws(', ',
            'provider = ' || case c.collprovider when 'i' then 'icu' when 'b' then 'builtin' when 'd' then 'default' else 'libc' end,
            'locale = ' || quote_literal(c.colllocale), -- since 17
            'locale = ' || quote_literal(c.colliculocale), -- 15 to 16
            case when c.collcollate = c.collctype then 'locale = ' || quote_literal(c.collcollate) end,
            case when c.collcollate <> c.collctype then 'lc_collate = ' || quote_literal(c.collcollate) || ', lc_ctype = ' || quote_literal(c.collctype) end,
            'rules = ' || quote_literal(c.collicurules), -- since 16
            case when not c.collisdeterministic then 'deterministic = false' end
        ),
        'owner', pg_get_userbyid(c.collowner)::text,
        'comment', obj_description(c.oid, 'pg_collation')
    ]
from pg_collation c
join pg_namespace n on n.oid = c.collnamespace
where n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and n.nspname <> $1
    and not exists (
        select from pg_depend e
        where e.classid = 'pg_collation'::regclass and e.objid = c.oid and e.deptype = 'e'
    )
