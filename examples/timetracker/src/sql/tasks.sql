-- The tasks of a project, those that need somebody first.
select
    t.id,
    t.title,
    t.status::text as status,
    t.blocked_reason,
    u.name as assignee,
    coalesce((select sum(e.minutes) from time_entry as e where e.task_id = t.id), 0)::bigint as minutes
from task as t
left join app_user as u on u.id = t.assignee_id
where t.project_id = $1
order by
    t.status,
    t.id
