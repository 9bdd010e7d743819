-- The columns of a key in their order: type, and whether they may be null. A column that is not
-- there has no row.
select
    a.attname::text,
    pg_catalog.format_type(a.atttypid, -1),
    a.attnotnull
from pg_catalog.unnest($2::text[]) with ordinality as k (name, place)
join pg_catalog.pg_attribute a
    on a.attrelid = $1 and a.attname = k.name and a.attnum > 0 and not a.attisdropped
order by k.place
