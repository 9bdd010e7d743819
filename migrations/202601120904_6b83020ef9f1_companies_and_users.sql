-- Add companies and their users
-- revision: 6b83020ef9f1

-- upgrade
create type user_role as enum ('member', 'manager', 'admin');

create table company (
    id bigint generated always as identity primary key,
    name text not null unique check (name <> ''),
    created_at timestamptz not null default now()
);

-- Not named "user": that is a reserved word, and every query would have to quote it.
create table app_user (
    id bigint generated always as identity primary key,
    company_id bigint not null references company (id) on delete cascade,
    name text not null check (name <> ''),
    email text not null,
    role user_role not null default 'member',
    created_at timestamptz not null default now()
);

create unique index app_user_email_key on app_user (lower(email));
create index app_user_company_id_idx on app_user (company_id);

-- downgrade
drop table app_user;
drop table company;
drop type user_role;
