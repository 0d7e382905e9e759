-- name: client_add
-- Makes a client with an empty ledger.
INSERT INTO clients (bot_id, client_id, platform, platform_client_id, available, held, next_due_at, seq, head_hash,
                     settled_at, created_at)
VALUES (:bot_id, :client_id, :platform, :platform_client_id, 0, 0, :next_due_at, 0, :head_hash, 0, :created_at);

-- name: clients_by_platform
-- The clients that have one of these pairs of platform and platform's id, a JSON array of arrays.
SELECT clients.client_id, clients.platform, clients.platform_client_id
FROM json_each(:pairs) AS asked
CROSS JOIN clients ON clients.bot_id = :bot_id AND clients.platform = json_extract(asked.value, '$[0]')
                  AND clients.platform_client_id = json_extract(asked.value, '$[1]');

-- name: balances_by_client_id
-- The stored balances of the clients with these encoded ids; NULL where it is stale by now.
WITH asked (id) AS (VALUES :ids)
SELECT client_id, platform, CASE WHEN next_due_at > :now THEN available END
FROM asked CROSS JOIN clients ON bot_id = :bot_id AND client_id = asked.id;

-- name: balances_by_platform
-- The stored balances of the clients with these ids on one platform; NULL where it is stale by now.
WITH asked (id) AS (VALUES :ids)
SELECT client_id, platform, CASE WHEN next_due_at > :now THEN available END, platform_client_id
FROM asked CROSS JOIN clients ON bot_id = :bot_id AND platform = :platform AND platform_client_id = asked.id;
