-- The notes on a project, latest first.
select
    n.body,
    u.name as author
from note as n
left join app_user as u on u.id = n.author_id
where n.project_id = $1
order by
    n.created_at desc,
    n.id desc
limit 100
