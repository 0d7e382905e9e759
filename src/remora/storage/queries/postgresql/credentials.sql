-- name: callers_find
-- The bot that requests name, with those of their tokens' pairs, named in a JSON array, that are the bot's.
SELECT bots.api_enabled, credentials.token_id, credentials.secret_digest, credentials.valid_until
FROM bots
LEFT JOIN credentials ON credentials.bot_id = :bot_id
                     AND credentials.token_id = ANY (ARRAY(SELECT json_array_elements_text(CAST(:ids AS json))))
WHERE bots.bot_id = :bot_id;
