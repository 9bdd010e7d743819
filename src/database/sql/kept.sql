-- The newest record of some revisions that were applied, stamped or repaired, with the texts.
select distinct on (h.revision)
    h.revision, h.parents, h.depends_on, h.message, h.canonical_checksum, h.raw_checksum,
    h.frame_text, h.upgrade_text, h.downgrade_text, h.castoff
from {schema}.history h
where h.direction in ('upgrade', 'stamp', 'repair') and h.outcome = 'done' and h.revision = any($1)
order by h.revision, h.id desc
