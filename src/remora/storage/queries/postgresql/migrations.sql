-- name: migration_table
-- Is there a table of migrations yet?
SELECT 1 FROM pg_catalog.pg_class WHERE oid = to_regclass('schema_migrations');

-- name: migrations_alone
-- Keeps every other process from migrating this database until the transaction ends.
SELECT pg_advisory_xact_lock(7093117042);
