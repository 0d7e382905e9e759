-- name: migration_table
-- Is there a table of migrations yet?
SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations';

-- name: migrations_applied
-- What was applied, with the digest of its text then.
SELECT number, digest FROM schema_migrations ORDER BY number;

-- name: migration_record
-- Notes that a migration was applied.
INSERT INTO schema_migrations (number, name, digest, applied_at) VALUES (:number, :name, :digest, :applied_at);
