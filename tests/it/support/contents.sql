-- Everything that users can make in a database, one object a line, with a checksum of each table's rows.
with mine as (
    select oid, nspname
    from pg_catalog.pg_namespace
    where nspname not like 'pg\_%' and nspname <> 'information_schema'
),
line (text) as (
    select pg_catalog.concat_ws(' ', 'schema', nspname, n.nspowner::regrole, n.nspacl)
    from pg_catalog.pg_namespace n
    join mine using (oid, nspname)
    union all
    select pg_catalog.concat_ws(' ', 'extension', extname, extversion)
    from pg_catalog.pg_extension
    union all
    select pg_catalog.concat_ws(
        ' ', 'relation', c.relkind, c.oid::regclass, c.relowner::regrole, c.relacl, c.reloptions,
        c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.relispartition,
        pg_catalog.pg_get_expr(c.relpartbound, c.oid)
    )
    from pg_catalog.pg_class c
    join mine n on n.oid = c.relnamespace
    union all
    select pg_catalog.concat_ws(
        ' ', 'column', a.attrelid::regclass, a.attname,
        pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
        a.attgenerated, a.attcollation::regcollation, a.attacl,
        pg_catalog.pg_get_expr(d.adbin, d.adrelid)
    )
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_class c on c.oid = a.attrelid
    join mine n on n.oid = c.relnamespace
    left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attnum > 0 and not a.attisdropped
    union all
    select pg_catalog.concat_ws(
        ' ', 'constraint', conrelid::regclass, contypid::regtype, conname,
        pg_catalog.pg_get_constraintdef(k.oid), convalidated
    )
    from pg_catalog.pg_constraint k
    join mine n on n.oid = k.connamespace
    union all
    select pg_catalog.concat_ws(
        ' ', 'index', pg_catalog.pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisready
    )
    from pg_catalog.pg_index i
    join pg_catalog.pg_class c on c.oid = i.indexrelid
    join mine n on n.oid = c.relnamespace
    union all
    select pg_catalog.concat_ws(
        ' ', 'view', c.oid::regclass,
        pg_catalog.regexp_replace(pg_catalog.pg_get_viewdef(c.oid), '\s+', ' ', 'g')
    )
    from pg_catalog.pg_class c
    join mine n on n.oid = c.relnamespace
    where c.relkind in ('v', 'm')
    union all
    select pg_catalog.concat_ws(
        ' ', 'routine', p.oid::regprocedure, p.prokind, p.proowner::regrole, p.proacl,
        pg_catalog.md5(p.prosrc), p.provolatile, p.prosecdef, p.proconfig
    )
    from pg_catalog.pg_proc p
    join mine n on n.oid = p.pronamespace
    union all
    select pg_catalog.concat_ws(
        ' ', 'type', t.typtype, t.oid::regtype, t.typowner::regrole, t.typacl, t.typnotnull,
        t.typdefault,
        (
            select pg_catalog.string_agg(e.enumlabel, ',' order by e.enumsortorder)
            from pg_catalog.pg_enum e
            where e.enumtypid = t.oid
        )
    )
    from pg_catalog.pg_type t
    join mine n on n.oid = t.typnamespace
    union all
    select pg_catalog.concat_ws(
        ' ', 'trigger', tgrelid::regclass, pg_catalog.pg_get_triggerdef(t.oid), tgenabled
    )
    from pg_catalog.pg_trigger t
    join pg_catalog.pg_class c on c.oid = t.tgrelid
    join mine n on n.oid = c.relnamespace
    where not t.tgisinternal
    union all
    select pg_catalog.concat_ws(
        ' ', 'policy', polrelid::regclass, polname, polcmd, polpermissive, polroles::regrole[],
        pg_catalog.pg_get_expr(polqual, polrelid), pg_catalog.pg_get_expr(polwithcheck, polrelid)
    )
    from pg_catalog.pg_policy
    union all
    select pg_catalog.concat_ws(' ', 'comment', objoid, classoid::regclass, objsubid, description)
    from pg_catalog.pg_description
    where objoid >= 16384
    union all
    select pg_catalog.concat_ws(' ', 'sequence', seqrelid::regclass, s::text)
    from pg_catalog.pg_sequence s
    union all
    select pg_catalog.concat_ws(' ', 'setting', setrole::regrole, setconfig)
    from pg_catalog.pg_db_role_setting
    where setdatabase = (
        select oid
        from pg_catalog.pg_database
        where datname = pg_catalog.current_database()
    )
    union all
    select pg_catalog.concat_ws(' ', 'large object', oid)
    from pg_catalog.pg_largeobject_metadata
    union all
    select pg_catalog.concat_ws(
        ' ', 'rows', c.oid::regclass,
        pg_catalog.md5(
            pg_catalog.query_to_xml(
                pg_catalog.format(
                    case c.relkind
                        when 'S' then 'select last_value, is_called from %s'
                        else 'select t::text from only %s t order by t::text'
                    end,
                    c.oid::regclass
                ),
                true, false, ''
            )::text
        )
    )
    from pg_catalog.pg_class c
    join mine n on n.oid = c.relnamespace
    where c.relkind in ('r', 'm', 'S')
        -- A number that was drawn and rolled back is not drawn again: that is no change.
        and (c.relkind <> 'S' or n.nspname <> 'castoff')
)
select text
from line
order by text collate "C"
