-- Tables of publications, with the columns and rows that are published.
select
    'pg_publication_rel'::regclass::oid,
    r.oid,
    0,
    'publication table',
    array[p.pubname::text, n.nspname::text, c.relname::text],
    array[
        'columns', (select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_attribute a where a.attrelid = c.oid and a.attnum = any (r.prattrs)), -- since 15
        'where', pg_get_expr(r.prqual, r.prrelid), -- since 15
        'kind', 'table'
    ]
from pg_publication_rel r
join pg_publication p on p.oid = r.prpubid
join pg_class c on c.oid = r.prrelid
join pg_namespace n on n.oid = c.relnamespace
where n.nspname <> $1
