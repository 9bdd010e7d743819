-- The newest record of every revision that was applied, stamped or repaired, without the texts: its
-- ancestry, and what proves its file.
select distinct on (h.revision)
    h.revision, h.parents || h.depends_on, h.canonical_checksum, h.raw_checksum, h.breaking
from {schema}.history h
where h.direction in ('upgrade', 'stamp', 'repair') and h.outcome = 'done'
order by h.revision, h.id desc
