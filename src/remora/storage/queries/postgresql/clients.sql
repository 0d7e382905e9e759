-- name: client_add
-- Makes clients with empty ledgers. Through `bots`, so that it is one shard's.
INSERT INTO clients (bot_id, client_id, platform, platform_client_id, available, held, next_due_at, seq, head_hash,
                     settled_at, created_at)
SELECT bots.bot_id, added.client_id, added.platform, added.platform_client_id, 0, 0, added.next_due_at, 0,
       decode(added.head_hash, 'base64'), 0, added.created_at
FROM bots
CROSS JOIN unnest(CAST(:client_id AS text[]), CAST(:platform AS text[]), CAST(:platform_client_id AS text[]),
    CAST(:next_due_at AS bigint[]), CAST(:head_hash AS text[]), CAST(:created_at AS bigint[]))
    AS added (client_id, platform, platform_client_id, next_due_at, head_hash, created_at)
WHERE bots.bot_id = :bot_id;

-- name: clients_by_platform
-- The clients that have one of these pairs of platform and platform's id, a JSON array of arrays.
SELECT clients.client_id, clients.platform, clients.platform_client_id
FROM json_array_elements(CAST(:pairs AS json)) AS asked (pair)
JOIN clients ON clients.platform = asked.pair ->> 0 AND clients.platform_client_id = asked.pair ->> 1
WHERE clients.bot_id = :bot_id;

-- name: balances_by_client_id
-- The stored balances of the clients with these encoded ids, an array; NULL where it is stale by now.
SELECT client_id, platform, CASE WHEN next_due_at > :now THEN available END FROM clients
WHERE bot_id = :bot_id AND client_id = ANY (CAST(:ids AS text[]));

-- name: balances_by_platform
-- The stored balances of the clients with these ids, an array, on one platform; NULL where it is stale by now.
SELECT client_id, platform, CASE WHEN next_due_at > :now THEN available END, platform_client_id FROM clients
WHERE bot_id = :bot_id AND platform = :platform
  AND platform_client_id = ANY (CAST(:ids AS text[]));
