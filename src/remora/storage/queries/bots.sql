-- name: bot_add
-- Makes a bot.
INSERT INTO bots (bot_id, name, api_enabled, overlap_minutes, expiry_policy, time_zone, last_client_number, created_at)
VALUES (:bot_id, :name, :api_enabled, :overlap_minutes, :expiry_policy, :time_zone, 0, :created_at);

-- name: bot_find
-- One bot.
SELECT bot_id, name, api_enabled, overlap_minutes, expiry_policy, time_zone, created_at FROM bots
WHERE bot_id = :bot_id;

-- name: bot_list
-- Every bot, oldest first: for the operator's shell, never on a request's path.
SELECT bot_id, name, api_enabled, overlap_minutes, expiry_policy, time_zone, created_at FROM bots
ORDER BY created_at, bot_id;

-- name: bot_update
-- Changes what an operator can change of a bot.
UPDATE bots
SET name = :name, api_enabled = :api_enabled, overlap_minutes = :overlap_minutes, expiry_policy = :expiry_policy,
    time_zone = :time_zone
WHERE bot_id = :bot_id;

-- name: bot_lock
-- One bot, which nobody else changes, or gives clients or pairs, until the transaction ends.
SELECT bot_id, name, api_enabled, overlap_minutes, expiry_policy, time_zone, created_at FROM bots
WHERE bot_id = :bot_id FOR UPDATE;

-- name: bot_last_client_number
-- The number that a bot's newest encoded id was made of.
SELECT last_client_number FROM bots WHERE bot_id = :bot_id;

-- name: bot_count_clients
-- Notes the number that a bot's newest encoded id was made of.
UPDATE bots SET last_client_number = :number WHERE bot_id = :bot_id;
