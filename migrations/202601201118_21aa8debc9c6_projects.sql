-- Add projects
-- revision: 21aa8debc9c6
-- down_revision: fc407b8dd5e5

-- upgrade lock_timeout=2s
create table project (
    id bigint generated always as identity primary key,
    company_id bigint not null references company (id) on delete cascade,
    team_id bigint references team (id) on delete set null,
    name text not null check (name <> ''),
    created_at timestamptz not null default now(),
    unique (company_id, name)
);

create index project_team_id_idx on project (team_id);

-- downgrade lock_timeout=2s
drop table project;
