-- Whether a unique index has exactly these columns in this order, for all rows, so that a range of
-- the key is found without reading the others.
select exists (
    select
    from pg_catalog.pg_index i
    join pg_catalog.pg_class c on c.oid = i.indexrelid
    join pg_catalog.pg_am m on m.oid = c.relam
    where i.indrelid = $1
        and i.indisunique
        and i.indisvalid
        and i.indpred is null
        and m.amname = 'btree'
        and array(
            select coalesce(a.attname::text, '')
            from pg_catalog.unnest(i.indkey::int2[]) with ordinality as k (number, place)
            left join pg_catalog.pg_attribute a on a.attrelid = $1 and a.attnum = k.number
            where k.place <= i.indnkeyatts
            order by k.place
        ) = $2::text[]
)
