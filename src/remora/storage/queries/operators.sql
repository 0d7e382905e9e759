-- name: operator_find
-- One operator.
SELECT name, role, password_hash, disabled, epoch, created_at FROM operators WHERE name = :name;

-- name: operator_lock
-- One operator, whom nobody else changes until the transaction ends.
SELECT name, role, password_hash, disabled, epoch, created_at FROM operators WHERE name = :name FOR UPDATE;

-- name: operator_list
-- Every operator, by name.
SELECT name, role, password_hash, disabled, epoch, created_at FROM operators ORDER BY name;

-- name: operator_add
-- Makes an operator.
INSERT INTO operators (name, role, password_hash, disabled, epoch, created_at)
VALUES (:name, :role, :password_hash, :disabled, :epoch, :created_at);

-- name: operator_update
-- Changes whatever can change of an operator.
UPDATE operators SET role = :role, password_hash = :password_hash, disabled = :disabled, epoch = :epoch
WHERE name = :name;

-- name: operator_rehash
-- Keeps the same password under a new hash, unless the password was changed meanwhile.
UPDATE operators SET password_hash = :fresh WHERE name = :name AND password_hash = :password_hash;

-- name: operator_remove
-- Forgets an operator.
DELETE FROM operators WHERE name = :name;

-- name: operator_bots_of
-- The bots that an operator works for.
SELECT bot_id FROM operator_bots WHERE name = :name ORDER BY bot_id;

-- name: operator_bot_add
-- Lets an operator work for a bot.
INSERT INTO operator_bots (name, bot_id) VALUES (:name, :bot);

-- name: operator_bots_clear
-- Takes all bots from an operator.
DELETE FROM operator_bots WHERE name = :name;
