-- name: operations_find
-- What idempotency keys, a JSON array, were used for, and what was answered. OFFSET 0: see `lots_open`.
SELECT asked.key, used.request_hash, used.answer
FROM json_array_elements_text(CAST(:keys AS json)) AS asked (key)
CROSS JOIN LATERAL (
    SELECT request_hash, answer FROM operations WHERE operations.bot_id = :bot_id AND operations.key = asked.key OFFSET 0
) AS used;

-- name: operation_add
-- Keeps keys, their requests and their answers; in order of the keys, so that two transactions never wait for each
-- other.
INSERT INTO operations (bot_id, key, request_hash, answer, created_at)
SELECT bots.bot_id, added.key, decode(added.request_hash, 'base64'), decode(added.answer, 'base64'), added.created_at
FROM bots
CROSS JOIN unnest(CAST(:key AS text[]), CAST(:request_hash AS text[]), CAST(:answer AS text[]),
    CAST(:created_at AS bigint[])) AS added (key, request_hash, answer, created_at)
WHERE bots.bot_id = :bot_id
ORDER BY added.key;
