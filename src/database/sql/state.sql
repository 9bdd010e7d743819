-- Where the database is: the whole of a start with nothing to do. Sorting would cost half as much
-- again, and is done by the client.
select revision, lineage from {schema}.revision
