-- Written by castoff for psql. Run it as: psql --no-psqlrc --file=THIS DATABASE
\set ON_ERROR_STOP on
{role}do $castoff$
begin
    if not pg_catalog.pg_try_advisory_lock(1667330932, pg_catalog.hashtext({schema_name})) then
        raise exception 'the migration lock is taken: a castoff is at work';
    end if;
    if pg_catalog.to_regclass({revision_table}) is null then
{guard}        if pg_catalog.to_regnamespace({schema_quoted}) is null then
            create schema {schema};
        end if;
{ledger}    end if;
    if array(select r.revision::text from {schema}.revision r order by r.revision collate "C") <> {from} then
        raise exception 'the database is not at the revision this script starts from'
            using hint = 'compare "castoff current" with the range given to --sql';
    end if;
end
$castoff$;
