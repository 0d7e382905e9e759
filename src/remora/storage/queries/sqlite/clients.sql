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
-- The stored balances of the clients with these encoded ids, a JSON array.
-- CROSS JOIN makes SQLite walk the list and probe the key once per id.
SELECT asked.value, clients.client_id, clients.platform, clients.available, clients.next_due_at
FROM json_each(:ids) AS asked
CROSS JOIN clients ON clients.bot_id = :bot_id AND clients.client_id = asked.value;

-- name: balances_by_platform
-- The stored balances of the clients with these ids, a JSON array, on one platform.
SELECT asked.value, clients.client_id, clients.platform, clients.available, clients.next_due_at
FROM json_each(:ids) AS asked
CROSS JOIN clients ON clients.bot_id = :bot_id AND clients.platform = :platform
                  AND clients.platform_client_id = asked.value;
