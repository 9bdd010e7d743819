-- Who works, and for whom.

create table company (
    id bigint generated always as identity primary key,
    name text not null unique check (name <> ''),
    created_at timestamptz not null default now()
);

create type user_role as enum ('member', 'manager', 'admin');

create table app_user (
    id bigint generated always as identity primary key,
    company_id bigint not null references company on delete cascade,
    name text not null check (name <> ''),
    email text not null,
    role user_role not null default 'member',
    created_at timestamptz not null default now()
);

create index app_user_company_id_idx on app_user (company_id);
create unique index app_user_email_key on app_user (lower(email));

create table team (
    id bigint generated always as identity primary key,
    company_id bigint not null references company on delete cascade,
    name text not null check (name <> ''),
    unique (company_id, name)
);

create table team_member (
    team_id bigint references team on delete cascade,
    user_id bigint references app_user on delete cascade,
    since date not null default current_date,
    primary key (team_id, user_id)
);

create index team_member_user_id_idx on team_member (user_id);
