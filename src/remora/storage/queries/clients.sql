-- name: client_find
-- One client by its encoded id.
SELECT client_id, platform, platform_client_id FROM clients WHERE bot_id = :bot_id AND client_id = :client_id;

-- name: client_page
-- The bot's clients after a given encoded id, in its order.
SELECT client_id, platform, platform_client_id FROM clients
WHERE bot_id = :bot_id AND client_id > :after ORDER BY client_id LIMIT :most;

-- name: clients_with_prefix
-- The bot's clients on one platform whose ids there are in a span, in their order. One bound at each end: of two, SQLite
-- might begin at the one that is farther off.
SELECT client_id, platform, platform_client_id FROM clients
WHERE bot_id = :bot_id AND platform = :platform AND platform_client_id >= :first AND platform_client_id < :beyond
ORDER BY platform_client_id LIMIT :most;

-- name: clients_due
-- Clients for whom something came due, those that wait longest first. That "never" does not come due is said, so
-- that the index without those is used.
SELECT client_id FROM clients
WHERE bot_id = :bot_id AND next_due_at <= :now AND next_due_at < 9223372036854775807
ORDER BY next_due_at LIMIT :most;

-- name: clients_due_count
-- For how many clients something came due.
SELECT count(*) FROM clients
WHERE bot_id = :bot_id AND next_due_at <= :now AND next_due_at < 9223372036854775807;

-- name: client_count
-- How many clients a bot has.
SELECT count(*) FROM clients WHERE bot_id = :bot_id;
