-- Add tasks with a status
-- revision: cdaa0f41cbae
-- down_revision: 21aa8debc9c6

-- upgrade lock_timeout=2s
create type task_status as enum ('todo', 'doing', 'done');

create table task (
    id bigint generated always as identity primary key,
    project_id bigint not null references project (id) on delete cascade,
    assignee_id bigint references app_user (id) on delete set null,
    title text not null check (title <> ''),
    status task_status not null default 'todo',
    created_at timestamptz not null default now()
);

create index task_project_id_idx on task (project_id);
create index task_assignee_id_idx on task (assignee_id);

-- downgrade lock_timeout=2s
drop table task;
drop type task_status;
