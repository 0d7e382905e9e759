-- name: credential_add
-- Makes a pair the bot's current one; its secret is kept as a digest only.
INSERT INTO credentials (bot_id, token_id, secret_digest, created_at, expires_at, valid_until)
VALUES (:bot_id, :token_id, :secret_digest, :created_at, :expires_at, :valid_until);

-- name: credential_supersede
-- Gives every pair of the bot an end; one that ends sooner keeps its own.
UPDATE credentials SET valid_until = :valid_until WHERE bot_id = :bot_id AND valid_until > :valid_until;

-- name: credential_current
-- The bot's current pair, without anything that could be used.
SELECT token_id, created_at, expires_at FROM credentials
WHERE bot_id = :bot_id AND valid_until = 9223372036854775807;
