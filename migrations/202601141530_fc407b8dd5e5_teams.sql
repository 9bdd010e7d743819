-- Add teams and who belongs to them
-- revision: fc407b8dd5e5
-- down_revision: 6b83020ef9f1

-- upgrade lock_timeout=2s
create table team (
    id bigint generated always as identity primary key,
    company_id bigint not null references company (id) on delete cascade,
    name text not null check (name <> ''),
    unique (company_id, name)
);

create table team_member (
    team_id bigint not null references team (id) on delete cascade,
    user_id bigint not null references app_user (id) on delete cascade,
    since date not null default current_date,
    primary key (team_id, user_id)
);

create index team_member_user_id_idx on team_member (user_id);

-- downgrade lock_timeout=2s
drop table team_member;
drop table team;
