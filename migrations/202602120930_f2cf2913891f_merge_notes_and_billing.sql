-- Merge notes and billing
-- revision: f2cf2913891f
-- down_revision: 30e2d6710d58, e5d17fe7513d

-- upgrade
-- Both branches touch different tables: there is nothing to reconcile.

-- downgrade
-- Going back only parts the branches again.
