-- Columns of tables and foreign tables.
select
    'pg_class'::regclass::oid,
    a.attrelid,
    a.attnum::integer,
    'column',
    array[n.nspname::text, c.relname::text, a.attname::text],
    array[
        'position', a.attnum::text,
        'type', format_type(a.atttypid, a.atttypmod),
        'collation', case when a.attcollation <> t.typcollation then a.attcollation::regcollation::text end,
        'not null', case when a.attnotnull then 'true' end,
        'not null name', (select k.conname::text from pg_constraint k where k.conrelid = a.attrelid and k.contype = 'n' and k.conkey = array[a.attnum] and k.conname <> format('%s_%s_not_null', c.relname, a.attname)), -- since 18
        'not null own', (select case when k.conislocal then 'true' else 'false' end from pg_constraint k where k.conrelid = a.attrelid and k.contype = 'n' and k.conkey = array[a.attnum] and k.coninhcount > 0 and k.conislocal <> a.attislocal and not c.relispartition), -- since 18
        'not null options', (select concat_ws(' ', case when k.connoinherit then 'no inherit' end, case when not k.convalidated then 'not valid' end) from pg_constraint k where k.conrelid = a.attrelid and k.contype = 'n' and k.conkey = array[a.attnum] and (k.connoinherit or not k.convalidated)), -- since 18
        'not null comment', (select obj_description(k.oid, 'pg_constraint') from pg_constraint k where k.conrelid = a.attrelid and k.contype = 'n' and k.conkey = array[a.attnum]), -- since 18
        'identity', case a.attidentity when 'a' then 'always' when 'd' then 'by default' end,
        'identity options', case when a.attidentity <> '' then (
            select format(
                'start with %s increment by %s minvalue %s maxvalue %s cache %s%s',
                s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache,
                case when s.seqcycle then ' cycle' else ' no cycle' end
            )
            from pg_depend d
            join pg_sequence s on s.seqrelid = d.objid
            where d.refclassid = 'pg_class'::regclass
                and d.refobjid = a.attrelid
                and d.refobjsubid = a.attnum
                and d.classid = 'pg_class'::regclass
                and d.deptype = 'i'
        ) end,
        'generated', case when a.attgenerated <> '' then (
            select pg_get_expr(f.adbin, f.adrelid) from pg_attrdef f where f.adrelid = a.attrelid and f.adnum = a.attnum
        ) end,
        'virtual', case when a.attgenerated = 'v' then 'true' end,
        'storage', case when a.attstorage <> t.typstorage then
            case a.attstorage when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end
        end,
        'usual storage', case t.typstorage when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end,
        'compression', case a.attcompression when 'p' then 'pglz' when 'l' then 'lz4' end, -- since 14
        'statistics', nullif(a.attstattarget, -1)::text,
        'options', array_to_string(a.attoptions, ', '),
        'server options', to_json(a.attfdwoptions)::text,
        'inherited', case when not a.attislocal then 'true' end,
        'owner', case when a.attacl is not null then pg_get_userbyid(c.relowner)::text end,
        'acl', to_json(a.attacl::text[])::text,
        'comment', said.description
    ]
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_type t on t.oid = a.atttypid
left join pg_description said on said.objoid = a.attrelid and said.classoid = 'pg_class'::regclass and said.objsubid = a.attnum
where c.relkind in ('r', 'p', 'f')
    and c.relpersistence <> 't'
    and a.attnum > 0
    and not a.attisdropped
    and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and n.nspname <> $1
    and not exists (
        select from pg_depend e
        where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e'
    )
