-- name: operations_find
-- What idempotency keys, a JSON array, were used for, and what was answered.
SELECT key, request_hash, answer FROM operations
WHERE bot_id = :bot_id AND key = ANY (ARRAY(SELECT json_array_elements_text(CAST(:keys AS json))));

-- name: operation_add
-- Keeps keys, their requests and their answers, from a JSON array of rows; in order of the keys, so that two
-- transactions never wait for each other.
INSERT INTO operations (bot_id, key, request_hash, answer, created_at)
SELECT bots.bot_id, added.key, decode(added.request_hash, 'base64'), decode(added.answer, 'base64'), added.created_at
FROM bots
CROSS JOIN json_to_recordset(CAST(:rows AS json)) AS added (
    key text, request_hash text, answer text, created_at bigint)
WHERE bots.bot_id = :bot_id
ORDER BY added.key;
