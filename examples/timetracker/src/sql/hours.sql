-- Minutes by project and person; a project without time has one row without a person.
select
    p.id,
    p.name as project,
    c.name as company,
    h.person,
    coalesce(h.minutes, 0) as minutes
from project as p
join company as c on c.id = p.company_id
left join (
    select
        t.project_id,
        u.name as person,
        sum(e.minutes)::bigint as minutes
    from time_entry as e
    join task as t on t.id = e.task_id
    join app_user as u on u.id = e.user_id
    group by
        t.project_id,
        u.id
) as h on h.project_id = p.id
order by
    c.name,
    p.name,
    p.id,
    minutes desc,
    h.person
