-- name: operations_find
-- What idempotency keys, a JSON array, were used for, and what was answered.
SELECT operations.key, request_hash, answer
FROM json_each(:keys) AS asked
CROSS JOIN operations ON operations.bot_id = :bot_id AND operations.key = asked.value;

-- name: operation_add
-- Keeps a key, its request and its answer.
INSERT INTO operations (bot_id, key, request_hash, answer, created_at)
VALUES (:bot_id, :key, :request_hash, :answer, :created_at);
