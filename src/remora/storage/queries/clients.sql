-- name: client_add
-- Makes a client with an empty ledger.
INSERT INTO clients (bot_id, client_id, platform, platform_client_id, available, held, next_due_at, seq, head_hash,
                     settled_at, created_at)
VALUES (:bot_id, :client_id, :platform, :platform_client_id, 0, 0, :next_due_at, 0, :head_hash, :created_at, :created_at);

-- name: client_find
-- One client by its encoded id.
SELECT client_id, platform, platform_client_id FROM clients WHERE bot_id = :bot_id AND client_id = :client_id;

-- name: client_find_by_platform
-- One client by its platform's id.
SELECT client_id, platform, platform_client_id FROM clients
WHERE bot_id = :bot_id AND platform = :platform AND platform_client_id = :platform_client_id;

-- name: client_page
-- The bot's clients after a given encoded id, in its order.
SELECT client_id, platform, platform_client_id FROM clients
WHERE bot_id = :bot_id AND client_id > :after ORDER BY client_id LIMIT :most;

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

-- name: lots_open
-- Every lot with points left of the clients with these encoded ids, a JSON array.
SELECT lots.client_id, lots.lot_id, lots.points, lots.remaining, lots.held, lots.active_from, lots.expires_at
FROM json_each(:ids) AS asked
CROSS JOIN lots ON lots.bot_id = :bot_id AND lots.client_id = asked.value AND lots.remaining > 0;
