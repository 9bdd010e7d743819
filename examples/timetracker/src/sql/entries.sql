-- The latest time entries of a project.
select
    to_char(e.started_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as started,
    u.name as person,
    t.title as task,
    e.minutes::bigint as minutes,
    e.billable,
    e.remark
from time_entry as e
join task as t on t.id = e.task_id
join app_user as u on u.id = e.user_id
where t.project_id = $1
order by
    e.started_at desc,
    e.id desc
limit 100
