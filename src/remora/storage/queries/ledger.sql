-- name: account_find
-- A client's stored ledger numbers.
SELECT available, held, next_due_at, seq, head_hash, settled_at FROM clients
WHERE bot_id = :bot_id AND client_id = :client_id;

-- name: account_save
-- Writes a client's ledger numbers.
UPDATE clients
SET available = :available, held = :held, next_due_at = :next_due_at, seq = :seq, head_hash = :head_hash,
    settled_at = :settled_at
WHERE bot_id = :bot_id AND client_id = :client_id;

-- name: lot_save
-- Adds a lot, or writes the counters of one that is there; the rest of a lot never changes.
INSERT INTO lots (bot_id, client_id, lot_id, points, remaining, held, active_from, expires_at)
VALUES (:bot_id, :client_id, :lot_id, :points, :remaining, :held, :active_from, :expires_at)
ON CONFLICT (bot_id, client_id, lot_id) DO UPDATE SET remaining = excluded.remaining, held = excluded.held;

-- name: entry_add
-- Appends an entry to a client's journal.
INSERT INTO entries (bot_id, client_id, seq, kind, points, available, at, recorded_at, reason, metadata, hash)
VALUES (:bot_id, :client_id, :seq, :kind, :points, :available, :at, :recorded_at, :reason, :metadata, :hash);

-- name: entry_lot_add
-- Notes which lot an entry touched, and by how much.
INSERT INTO entry_lots (bot_id, client_id, seq, lot_id, points) VALUES (:bot_id, :client_id, :seq, :lot_id, :points);

-- name: operation_find
-- What an idempotency key was used for, and what was answered.
SELECT request_hash, answer FROM operations WHERE bot_id = :bot_id AND key = :key;

-- name: operation_add
-- Keeps a key, its request and its answer.
INSERT INTO operations (bot_id, key, request_hash, answer, created_at)
VALUES (:bot_id, :key, :request_hash, :answer, :created_at);
