-- Privileges of what will be made.
select
    'pg_default_acl'::regclass::oid,
    d.oid,
    0,
    'default privileges',
    array[
        pg_get_userbyid(d.defaclrole)::text,
        coalesce(n.nspname, '')::text,
        case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types' when 'n' then 'schemas' when 'L' then 'large objects' else d.defaclobjtype::text end
    ],
    array['acl', to_json(d.defaclacl::text[])::text]
from pg_default_acl d
left join pg_namespace n on n.oid = d.defaclnamespace
where coalesce(n.nspname, '') <> $1
