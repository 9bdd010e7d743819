-- What there is to do.

create table project (
    id bigint generated always as identity primary key,
    company_id bigint not null references company on delete cascade,
    team_id bigint references team on delete set null,
    name text not null check (name <> ''),
    created_at timestamptz not null default now(),
    hourly_rate numeric(8, 2) check (hourly_rate >= 0),
    unique (company_id, name)
);

create index project_team_id_idx on project (team_id);

create type task_status as enum ('todo', 'doing', 'blocked', 'done');

create table task (
    id bigint generated always as identity primary key,
    project_id bigint not null references project on delete cascade,
    assignee_id bigint references app_user on delete set null,
    title text not null check (title <> ''),
    status task_status not null default 'todo',
    created_at timestamptz not null default now(),
    blocked_reason text,
    constraint task_blocked_has_reason check (status <> 'blocked' or blocked_reason is not null)
);

create index task_assignee_id_idx on task (assignee_id);
create index task_project_id_idx on task (project_id);

create table note (
    id bigint generated always as identity primary key,
    project_id bigint not null references project on delete cascade,
    author_id bigint references app_user on delete set null,
    body text not null check (body <> ''),
    created_at timestamptz not null default now()
);

create index note_author_id_idx on note (author_id);
create index note_project_id_idx on note (project_id, created_at);
