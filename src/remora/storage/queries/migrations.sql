-- name: migrations_applied
-- What was applied, with the digest of its text then.
SELECT number, digest FROM schema_migrations ORDER BY number;

-- name: migration_record
-- Notes that a migration was applied.
INSERT INTO schema_migrations (number, name, digest, applied_at) VALUES (:number, :name, :digest, :applied_at);
