-- Publications, with what they publish of everything.
select
    'pg_publication'::regclass::oid,
    p.oid,
    0,
    'publication',
    array[p.pubname::text],
    array[
        'for all tables', case when p.puballtables then 'true' end,
        'publish', concat_ws(', ',
            case when p.pubinsert then 'insert' end,
            case when p.pubupdate then 'update' end,
            case when p.pubdelete then 'delete' end,
            case when p.pubtruncate then 'truncate' end
        ),
        'via root', case when p.pubviaroot then 'true' else 'false' end,
        'generated columns', nullif(p.pubgencols, 'n')::text, -- since 18
        'owner', pg_get_userbyid(p.pubowner)::text,
        'comment', obj_description(p.oid, 'pg_publication')
    ]
from pg_publication p
where $1 is not null
    and not exists (
        select from pg_depend e
        where e.classid = 'pg_publication'::regclass and e.objid = p.oid and e.deptype = 'e'
    )
