-- User mappings.
select
    'pg_user_mapping'::regclass::oid,
    m.umid,
    0,
    'user mapping',
    array[m.srvname::text, case when m.umuser = 0 then '' else m.usename::text end],
    array['server options', to_json(m.umoptions)::text]
from pg_user_mappings m
where $1 is not null
