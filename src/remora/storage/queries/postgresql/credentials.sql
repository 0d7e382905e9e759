-- name: callers_find
-- The bot that requests name, with those of their tokens' pairs, named in an array, that are the bot's.
SELECT bots.api_enabled, credentials.token_id, credentials.secret_digest, credentials.valid_until
FROM bots
LEFT JOIN credentials ON credentials.bot_id = :bot_id
                     AND credentials.token_id = ANY (CAST(:ids AS text[]))
WHERE bots.bot_id = :bot_id;
