-- Where the database is: the whole of a start with nothing to do.
select revision, lineage from {schema}.revision order by revision
