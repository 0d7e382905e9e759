-- name: operations_find
-- What idempotency keys, a JSON array, were used for, and what was answered.
SELECT operations.key, request_hash, answer
FROM json_each(:keys) AS asked
CROSS JOIN operations ON operations.bot_id = :bot_id AND operations.key = asked.value;

-- name: operation_add
-- Keeps a key, its request and its answer.
INSERT INTO operations (bot_id, key, request_hash, answer, created_at)
VALUES (:bot_id, :key, :request_hash, :answer, :created_at);

-- name: operations_clear
-- Forgets some of the keys that are older than an instant.
DELETE FROM operations
WHERE bot_id = :bot_id
  AND key IN (SELECT key FROM operations WHERE bot_id = :bot_id AND created_at < :before ORDER BY created_at LIMIT :most);

-- name: operations_old_count
-- How many keys are older than an instant.
SELECT count(*) FROM operations WHERE bot_id = :bot_id AND created_at < :before;
