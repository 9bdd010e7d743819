-- The newest record of every revision that was applied or stamped: ancestry, checksums and texts.
select distinct on (h.revision)
    h.revision, h.parents || h.depends_on, h.canonical_checksum, h.raw_checksum, h.upgrade_text
from {schema}.history h
where h.direction in ('upgrade', 'stamp') and h.outcome = 'done'
order by h.revision, h.id desc
