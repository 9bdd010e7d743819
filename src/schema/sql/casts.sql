-- Casts that somebody made.
select
    'pg_cast'::regclass::oid,
    c.oid,
    0,
    'cast',
    array[format_type(c.castsource, null), format_type(c.casttarget, null)],
    array[
        'create', concat_ws(' ',
            case c.castmethod
                when 'i' then 'with inout'
                when 'b' then 'without function'
                else format('with function %s', c.castfunc::regprocedure)
            end,
            case c.castcontext when 'a' then 'as assignment' when 'i' then 'as implicit' end
        ),
        'comment', obj_description(c.oid, 'pg_cast')
    ]
from pg_cast c
where c.oid >= 16384
    and $1 is not null
    and not exists (
        select from pg_depend e
        where e.classid = 'pg_cast'::regclass and e.objid = c.oid and e.deptype in ('e', 'i')
    )
