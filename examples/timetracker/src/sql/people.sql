-- Who may work on a project: everybody of its company.
select
    u.id,
    u.name
from app_user as u
join project as p on p.company_id = u.company_id
where p.id = $1
order by
    u.name,
    u.id
