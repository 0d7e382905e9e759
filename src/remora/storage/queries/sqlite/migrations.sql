-- name: migration_table
-- Is there a table of migrations yet?
SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations';

-- name: migrations_alone
-- Nothing to do: a writing transaction is alone in any case.
SELECT 1;
