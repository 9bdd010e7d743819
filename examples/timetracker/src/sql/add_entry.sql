-- A new time entry, only where the task and the person belong to the project.
insert into time_entry (task_id, user_id, started_at, ended_at, remark, billable)
select
    t.id,
    u.id,
    $4::text::timestamp at time zone 'UTC',
    $4::text::timestamp at time zone 'UTC' + make_interval(mins => $5),
    $6,
    $7
from task as t
join project as p on p.id = t.project_id
join app_user as u on u.company_id = p.company_id
where
    p.id = $1
    and t.id = $2
    and u.id = $3
