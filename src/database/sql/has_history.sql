-- Whether anything was ever recorded: a ledger without records says nothing of the tables around it.
select exists (select from {schema}.history)
