-- Tables, views, materialized views and foreign tables, without their columns.
select
    'pg_class'::regclass::oid,
    c.oid,
    0,
    case c.relkind
        when 'v' then 'view'
        when 'm' then 'materialized view'
        when 'f' then 'foreign table'
        else 'table'
    end,
    array[n.nspname::text, c.relname::text],
    array[
        'owner', pg_get_userbyid(c.relowner)::text,
        'acl', to_json(c.relacl::text[])::text,
        'comment', said.description,
        'unlogged', case when c.relpersistence = 'u' then 'true' end,
        'options', array_to_string(c.reloptions, ', '),
        'toast options', (select array_to_string(t.reloptions, ', ') from pg_class t where t.oid = c.reltoastrelid),
        'access method', (select m.amname::text from pg_am m where m.oid = c.relam and m.amname <> 'heap'),
        'definition', case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end,
        'columns', case when c.relkind in ('v', 'm') then (
            select json_agg(array[a.attname, format_type(a.atttypid, a.atttypmod)] order by a.attnum)::text
            from pg_attribute a
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        ) end,
        'populated', case when c.relkind = 'm' and not c.relispopulated then 'false' end,
        'partition by', case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end,
        'key columns', case when c.relkind = 'p' then (
            select json_agg(a.attname order by a.attnum)::text
            from pg_partitioned_table k
            join pg_attribute a on a.attrelid = k.partrelid
            where k.partrelid = c.oid
                and a.attnum > 0
                and (
                    a.attnum = any (k.partattrs)
                    or exists (
                        select from pg_depend d
                        where d.classid = 'pg_class'::regclass
                            and d.objid = c.oid
                            and d.objsubid = a.attnum
                            and d.refclassid = 'pg_class'::regclass
                            and d.refobjid = c.oid
                            and d.refobjsubid = 0
                            and d.deptype = 'i'
                    )
                )
        ) end,
        'bound', case when c.relispartition then pg_get_expr(c.relpartbound, c.oid) end,
        'parents', (
            select string_agg(format('%I.%I', pn.nspname, p.relname), ', ' order by i.inhseqno)
            from pg_inherits i
            join pg_class p on p.oid = i.inhparent
            join pg_namespace pn on pn.oid = p.relnamespace
            where i.inhrelid = c.oid
        ),
        'of type', case when c.reloftype <> 0 then format_type(c.reloftype, null) end,
        'row security', case when c.relrowsecurity then 'true' end,
        'force row security', case when c.relforcerowsecurity then 'true' end,
        'replica identity', case when c.relkind in ('r', 'p') then case c.relreplident
            when 'f' then 'full'
            when 'n' then 'nothing'
            when 'i' then (
                select 'index' from pg_index i where i.indrelid = c.oid and i.indisreplident
            )
        end end,
        'server', (select s.srvname::text from pg_foreign_table f join pg_foreign_server s on s.oid = f.ftserver where f.ftrelid = c.oid),
        'server options', (select to_json(f.ftoptions)::text from pg_foreign_table f where f.ftrelid = c.oid)
    ]
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_description said on said.objoid = c.oid and said.classoid = 'pg_class'::regclass and said.objsubid = 0
where c.relkind in ('r', 'p', 'v', 'm', 'f')
    and c.relpersistence <> 't'
    and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and n.nspname <> $1
    and not exists (
        select from pg_depend e
        where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e'
    )
