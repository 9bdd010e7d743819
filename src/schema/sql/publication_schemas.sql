-- Schemas of publications. Servers before 15 have none.
select
    r.tableoid::regclass::oid, -- since 15
    0::oid, -- before 15
    r.oid, -- since 15
    0::oid, -- before 15
    0,
    'publication schema',
    array[p.pubname::text, n.nspname::text],
    array['kind', 'schema']
from pg_publication p
join pg_publication_namespace r on r.pnpubid = p.oid -- since 15
join pg_namespace n on n.oid = r.pnnspid -- since 15
join pg_namespace n on false -- before 15
where n.nspname <> $1
