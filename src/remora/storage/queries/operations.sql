-- name: operations_clear
-- Forgets some of the keys that are older than an instant.
DELETE FROM operations
WHERE bot_id = :bot_id
  AND key IN (SELECT key FROM operations WHERE bot_id = :bot_id AND created_at < :before ORDER BY created_at LIMIT :most);

-- name: operations_old_count
-- How many keys are older than an instant.
SELECT count(*) FROM operations WHERE bot_id = :bot_id AND created_at < :before;
