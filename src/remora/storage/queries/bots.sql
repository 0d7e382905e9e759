-- name: bot_add
-- Makes a bot.
INSERT INTO bots (bot_id, name, api_enabled, overlap_minutes, last_client_number, created_at)
VALUES (:bot_id, :name, :api_enabled, :overlap_minutes, 0, :created_at);

-- name: bot_find
-- One bot.
SELECT bot_id, name, api_enabled, overlap_minutes, created_at FROM bots WHERE bot_id = :bot_id;

-- name: bot_list
-- Every bot, oldest first: for the operator's shell, never on a request's path.
SELECT bot_id, name, api_enabled, overlap_minutes, created_at FROM bots ORDER BY created_at, bot_id;

-- name: bot_update
-- Changes what an operator can change of a bot.
UPDATE bots SET name = :name, api_enabled = :api_enabled, overlap_minutes = :overlap_minutes WHERE bot_id = :bot_id;

-- name: bot_count_client
-- Takes the next client number of a bot.
UPDATE bots SET last_client_number = last_client_number + 1 WHERE bot_id = :bot_id RETURNING last_client_number;
