-- One project with its company and team.
select
    p.name,
    c.name as company,
    t.name as team,
    p.hourly_rate::text as hourly_rate
from project as p
join company as c on c.id = p.company_id
left join team as t on t.id = p.team_id
where p.id = $1
