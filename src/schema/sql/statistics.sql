-- Extended statistics.
select
    'pg_statistic_ext'::regclass::oid,
    s.oid,
    0,
    'statistics',
    array[n.nspname::text, s.stxname::text],
    array[
        'definition', pg_get_statisticsobjdef(s.oid),
        'target', nullif(s.stxstattarget, -1)::text,
        'owner', pg_get_userbyid(s.stxowner)::text,
        'comment', obj_description(s.oid, 'pg_statistic_ext')
    ]
from pg_statistic_ext s
join pg_namespace n on n.oid = s.stxnamespace
where n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    and n.nspname <> $1
    and not exists (
        select from pg_depend e
        where e.classid = 'pg_statistic_ext'::regclass and e.objid = s.oid and e.deptype = 'e'
    )
