-- Add a demo company, so that the first page is not empty
-- revision: f9abc4ef6bdd
-- down_revision: f2cf2913891f

-- upgrade
insert into company (name)
values ('Demo & Sons');

insert into app_user (company_id, name, email, role)
select c.id, p.name, p.email, p.role::user_role
from company as c
cross join (
    values
        ('Ada Byron', 'ada@demo.example', 'admin'),
        ('Grace Murray', 'grace@demo.example', 'manager'),
        ('Edsger van Rotterdam', 'edsger@demo.example', 'member')
) as p (name, email, role)
where c.name = 'Demo & Sons';

insert into team (company_id, name)
select c.id, t.name
from company as c
cross join (values ('Engine'), ('Weaving')) as t (name)
where c.name = 'Demo & Sons';

insert into team_member (team_id, user_id, since)
select t.id, u.id, date '2026-02-02'
from (
    values
        ('Engine', 'ada@demo.example'),
        ('Engine', 'edsger@demo.example'),
        ('Weaving', 'grace@demo.example')
) as m (team, email)
join app_user as u on u.email = m.email
join team as t on t.company_id = u.company_id and t.name = m.team;

insert into project (company_id, team_id, name, hourly_rate)
select t.company_id, t.id, p.name, p.hourly_rate
from (
    values
        ('Engine', 'Analytical engine', 120.00),
        ('Weaving', 'Card <punch> repair', 85.50)
) as p (team, name, hourly_rate)
join team as t on t.name = p.team
join company as c on c.id = t.company_id and c.name = 'Demo & Sons';

insert into task (project_id, assignee_id, title, status)
select p.id, u.id, t.title, t.status::task_status
from (
    values
        ('Analytical engine', 'ada@demo.example', 'Write note G', 'doing'),
        ('Analytical engine', 'edsger@demo.example', 'Prove the mill correct', 'todo'),
        ('Analytical engine', 'ada@demo.example', 'Order 50 digit wheels', 'done'),
        ('Card <punch> repair', 'grace@demo.example', 'Find the moth', 'done'),
        ('Card <punch> repair', 'grace@demo.example', 'Oil the feeder', 'doing')
) as t (project, email, title, status)
join app_user as u on u.email = t.email
join project as p on p.company_id = u.company_id and p.name = t.project;

insert into time_entry (task_id, user_id, started_at, ended_at, remark, billable)
select
    t.id,
    u.id,
    e.started_at::timestamptz,
    e.started_at::timestamptz + e.length::interval,
    e.remark,
    e.billable
from (
    values
        ('Write note G', 'ada@demo.example', '2026-02-09 09:00+00', '3 hours', 'table of operations', true),
        ('Write note G', 'ada@demo.example', '2026-02-10 09:15+00', '2 hours 30 minutes', '', true),
        ('Write note G', 'edsger@demo.example', '2026-02-10 13:00+00', '45 minutes', 'review; it''s elegant', true),
        ('Prove the mill correct', 'edsger@demo.example', '2026-02-11 08:30+00', '6 hours', '', true),
        ('Order 50 digit wheels', 'ada@demo.example', '2026-02-11 10:00+00', '20 minutes', 'by letter', false),
        ('Find the moth', 'grace@demo.example', '2026-02-12 14:00+00', '1 hour 30 minutes', 'relay 70', true),
        ('Oil the feeder', 'grace@demo.example', '2026-02-13 09:00+00', '4 hours', '', true)
) as e (task, email, started_at, length, remark, billable)
join app_user as u on u.email = e.email
join task as t on t.title = e.task
join project as p on p.id = t.project_id and p.company_id = u.company_id;

insert into note (project_id, author_id, body)
select p.id, u.id, n.body
from (
    values
        ('Analytical engine', 'ada@demo.example', 'The mill and the store are separate rooms; keep them so.'),
        ('Card <punch> repair', 'grace@demo.example', 'Parts are in the tin marked "springs".')
) as n (project, email, body)
join app_user as u on u.email = n.email
join project as p on p.company_id = u.company_id and p.name = n.project;

-- downgrade
-- Everything of the company goes with it, by the foreign keys.
delete from company where name = 'Demo & Sons';
