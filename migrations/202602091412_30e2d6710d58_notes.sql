-- Add notes on projects
-- revision: 30e2d6710d58
-- down_revision: fc7dd865c38d
-- branch_labels: notes

-- upgrade lock_timeout=2s
create table note (
    id bigint generated always as identity primary key,
    project_id bigint not null references project (id) on delete cascade,
    author_id bigint references app_user (id) on delete set null,
    body text not null check (body <> ''),
    created_at timestamptz not null default now()
);

create index note_project_id_idx on note (project_id, created_at);
create index note_author_id_idx on note (author_id);

-- downgrade lock_timeout=2s
drop table note;
