-- From which types to which there is a cast, the server's own and others.
select format_type(c.castsource, null), format_type(c.casttarget, null)
from pg_catalog.pg_cast c
where c.castsource <> c.casttarget
