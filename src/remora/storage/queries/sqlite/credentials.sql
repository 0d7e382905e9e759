-- name: callers_find
-- The bot that requests name, with those of their tokens' pairs, by these ids, that are the bot's.
WITH asked (id) AS (VALUES :ids)
SELECT bots.api_enabled, credentials.token_id, credentials.secret_digest, credentials.valid_until
FROM asked
CROSS JOIN bots ON bots.bot_id = :bot_id
LEFT JOIN credentials ON credentials.bot_id = :bot_id AND credentials.token_id = asked.id;
