-- name: installation_values
-- All values of the installation.
SELECT name, value FROM installation ORDER BY name;

-- name: installation_forget
-- Forgets a value.
DELETE FROM installation WHERE name = :name;

-- name: credentials_of
-- All pairs of a bot.
SELECT token_id, secret_digest, created_at, expires_at, valid_until FROM credentials
WHERE bot_id = :bot_id ORDER BY token_id;

-- name: credential_save
-- Adds a pair, or writes until when one that is there is valid.
INSERT INTO credentials (bot_id, token_id, secret_digest, created_at, expires_at, valid_until)
VALUES (:bot_id, :token_id, :secret_digest, :created_at, :expires_at, :valid_until)
ON CONFLICT (bot_id, token_id) DO UPDATE SET valid_until = excluded.valid_until;

-- name: client_rows
-- A page of a bot's clients, whole, after a given encoded id.
SELECT client_id, platform, platform_client_id, available, held, next_due_at, seq, head_hash, settled_at, created_at
FROM clients
WHERE bot_id = :bot_id AND client_id > :after ORDER BY client_id LIMIT :most;

-- name: operations_page
-- A page of a bot's idempotency keys, whole, after a given one.
SELECT key, request_hash, answer, created_at FROM operations
WHERE bot_id = :bot_id AND key > :after ORDER BY key LIMIT :most;

-- name: operation_drop
-- Forgets a key.
DELETE FROM operations WHERE bot_id = :bot_id AND key = :key;

-- name: operations_count
-- How many idempotency keys a bot has.
SELECT count(*) FROM operations WHERE bot_id = :bot_id;
