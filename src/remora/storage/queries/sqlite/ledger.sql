-- name: accounts_find
-- The stored ledger numbers of the clients with these encoded ids.
WITH asked (id) AS (VALUES :ids)
SELECT client_id, available, held, next_due_at, seq, head_hash, settled_at
FROM asked CROSS JOIN clients ON bot_id = :bot_id AND client_id = asked.id;

-- name: accounts_lock
-- The same: a writing transaction has the whole file to itself.
WITH asked (id) AS (VALUES :ids)
SELECT client_id, available, held, next_due_at, seq, head_hash, settled_at
FROM asked CROSS JOIN clients ON bot_id = :bot_id AND client_id = asked.id;

-- name: account_save
-- Writes a client's ledger numbers.
UPDATE clients
SET available = :available, held = :held, next_due_at = :next_due_at, seq = :seq, head_hash = :head_hash,
    settled_at = :settled_at
WHERE bot_id = :bot_id AND client_id = :client_id;

-- name: lots_open
-- Every lot with points left of the clients with these encoded ids, a JSON array. Those up to 64 are read by the primary
-- key, the rest by the index that has no others.
SELECT lots.client_id, lots.lot_id, lots.points, lots.remaining, lots.held, lots.active_from, lots.expires_at
FROM json_each(:ids) AS asked
CROSS JOIN lots ON lots.bot_id = :bot_id AND lots.client_id = asked.value AND lots.lot_id <= 64 AND lots.remaining > 0
UNION ALL
SELECT lots.client_id, lots.lot_id, lots.points, lots.remaining, lots.held, lots.active_from, lots.expires_at
FROM json_each(:ids) AS asked
CROSS JOIN lots INDEXED BY lots_open
           ON lots.bot_id = :bot_id AND lots.client_id = asked.value AND lots.lot_id > 64 AND lots.remaining > 0;

-- name: lots_first
-- The first lots with points left, in the order in which they are used, of the clients with these encoded ids. See
-- `lots_open`.
SELECT lots.client_id, lots.lot_id, lots.points, lots.remaining, lots.held, lots.active_from, lots.expires_at
FROM json_each(:ids) AS asked
CROSS JOIN lots ON lots.bot_id = :bot_id AND lots.client_id = asked.value
               AND lots.lot_id IN (SELECT lot_id
                                   FROM (SELECT expires_at, lot_id FROM lots AS early
                                         WHERE early.bot_id = :bot_id AND early.client_id = asked.value
                                           AND early.lot_id <= 64 AND early.remaining > 0
                                         UNION ALL
                                         SELECT expires_at, lot_id
                                         FROM (SELECT expires_at, lot_id FROM lots AS late INDEXED BY lots_open
                                               WHERE late.bot_id = :bot_id AND late.client_id = asked.value
                                                 AND late.lot_id > 64 AND late.remaining > 0
                                               ORDER BY late.expires_at, late.lot_id LIMIT :most))
                                   ORDER BY expires_at, lot_id LIMIT :most);

-- name: lots_named
-- The lots that entries touched, which [client, seq] pairs in a JSON array name: used up or not. A grant's is its own.
SELECT lots.client_id, lots.lot_id, lots.points, lots.remaining, lots.held, lots.active_from, lots.expires_at
FROM json_each(:pairs) AS asked
CROSS JOIN lots ON lots.bot_id = :bot_id AND lots.client_id = json_extract(asked.value, '$[0]')
               AND lots.lot_id = json_extract(asked.value, '$[1]')
UNION ALL
SELECT lots.client_id, lots.lot_id, lots.points, lots.remaining, lots.held, lots.active_from, lots.expires_at
FROM json_each(:pairs) AS asked
CROSS JOIN entry_lots ON entry_lots.bot_id = :bot_id AND entry_lots.client_id = json_extract(asked.value, '$[0]')
                     AND entry_lots.seq = json_extract(asked.value, '$[1]') AND entry_lots.lot_id <> entry_lots.seq
CROSS JOIN lots ON lots.bot_id = :bot_id AND lots.client_id = entry_lots.client_id AND lots.lot_id = entry_lots.lot_id;

-- name: lot_add
-- Adds a lot.
INSERT INTO lots (bot_id, client_id, lot_id, points, remaining, held, active_from, expires_at)
VALUES (:bot_id, :client_id, :lot_id, :points, :remaining, :held, :active_from, :expires_at);

-- name: lot_save
-- Adds a lot, or writes the counters of one that is there; the rest of a lot never changes.
INSERT INTO lots (bot_id, client_id, lot_id, points, remaining, held, active_from, expires_at)
VALUES (:bot_id, :client_id, :lot_id, :points, :remaining, :held, :active_from, :expires_at)
ON CONFLICT (bot_id, client_id, lot_id) DO UPDATE SET remaining = excluded.remaining, held = excluded.held;

-- name: holds_open
-- The open holds of the clients with these encoded ids, a JSON array, with the lots that each reserves points of.
SELECT holds.client_id, holds.hold_id, holds.points, holds.expires_at, holds.status, entry_lots.lot_id,
       entry_lots.points
FROM json_each(:ids) AS asked
CROSS JOIN holds ON holds.bot_id = :bot_id AND holds.client_id = asked.value AND holds.status = 'open'
CROSS JOIN entry_lots ON entry_lots.bot_id = :bot_id AND entry_lots.client_id = holds.client_id
                     AND entry_lots.seq = holds.hold_id
ORDER BY holds.client_id, holds.hold_id, entry_lots.lot_id;

-- name: holds_ended
-- Of the holds that [client, hold] pairs in a JSON array name, those that have ended.
SELECT holds.client_id, holds.hold_id, holds.points, holds.expires_at, holds.status, entry_lots.lot_id,
       entry_lots.points
FROM json_each(:pairs) AS asked
CROSS JOIN holds ON holds.bot_id = :bot_id AND holds.client_id = json_extract(asked.value, '$[0]')
                AND holds.hold_id = json_extract(asked.value, '$[1]') AND holds.status <> 'open'
CROSS JOIN entry_lots ON entry_lots.bot_id = :bot_id AND entry_lots.client_id = holds.client_id
                     AND entry_lots.seq = holds.hold_id
ORDER BY holds.client_id, holds.hold_id, entry_lots.lot_id;

-- name: hold_save
-- Adds a hold, or ends one that is there.
INSERT INTO holds (bot_id, client_id, hold_id, points, expires_at, status)
VALUES (:bot_id, :client_id, :hold_id, :points, :expires_at, :status)
ON CONFLICT (bot_id, client_id, hold_id) DO UPDATE SET status = excluded.status;

-- name: entry_add
-- Appends an entry to a client's journal.
INSERT INTO entries (bot_id, client_id, seq, kind, points, available, at, recorded_at, reason, metadata, refers_to,
                     active_from, expires_at, operator, hash)
VALUES (:bot_id, :client_id, :seq, :kind, :points, :available, :at, :recorded_at, :reason, :metadata, :refers_to,
        :active_from, :expires_at, :operator, :hash);

-- name: entry_lot_add
-- Notes which lot an entry touched, and by how much. Not of a grant: its lot says so itself.
INSERT INTO entry_lots (bot_id, client_id, seq, lot_id, points) VALUES (:bot_id, :client_id, :seq, :lot_id, :points);

-- name: entries_named
-- The entries that [client, seq] pairs in a JSON array name.
SELECT entries.client_id, seq, kind, points, available, at, recorded_at, reason, metadata, refers_to, active_from,
       expires_at, operator, hash
FROM json_each(:pairs) AS asked
CROSS JOIN entries ON entries.bot_id = :bot_id AND entries.client_id = json_extract(asked.value, '$[0]')
                  AND entries.seq = json_extract(asked.value, '$[1]');

-- name: entry_lots_named
-- The allocations of the entries that [client, seq] pairs in a JSON array name; a grant's is its lot. A view of both
-- tables would be read whole: each has to be looked into for each pair.
SELECT lots.client_id, lots.lot_id AS seq, lots.lot_id, lots.points
FROM json_each(:pairs) AS asked
CROSS JOIN lots ON lots.bot_id = :bot_id AND lots.client_id = json_extract(asked.value, '$[0]')
               AND lots.lot_id = json_extract(asked.value, '$[1]')
UNION ALL
SELECT entry_lots.client_id, entry_lots.seq, entry_lots.lot_id, entry_lots.points
FROM json_each(:pairs) AS asked
CROSS JOIN entry_lots ON entry_lots.bot_id = :bot_id AND entry_lots.client_id = json_extract(asked.value, '$[0]')
                     AND entry_lots.seq = json_extract(asked.value, '$[1]') AND entry_lots.lot_id <> entry_lots.seq
ORDER BY client_id, seq, lot_id;

-- name: reversals_named
-- What was reversed so far, by lot, of the entries that [client, seq] pairs in a JSON array name.
SELECT entries.client_id, entries.refers_to, entry_lots.lot_id, sum(entry_lots.points)
FROM json_each(:pairs) AS asked
CROSS JOIN entries ON entries.bot_id = :bot_id AND entries.client_id = json_extract(asked.value, '$[0]')
                  AND entries.refers_to = json_extract(asked.value, '$[1]') AND entries.kind = 'reverse'
CROSS JOIN entry_lots ON entry_lots.bot_id = :bot_id AND entry_lots.client_id = entries.client_id
                     AND entry_lots.seq = entries.seq
GROUP BY entries.client_id, entries.refers_to, entry_lots.lot_id;

-- name: entries_before
-- A page of a client's journal, newest first: entries before a seq, of some kinds (a JSON array), in a span of time.
SELECT seq, kind, points, available, at, recorded_at, reason, metadata, refers_to, active_from, expires_at,
       operator, hash
FROM entries
WHERE bot_id = :bot_id AND client_id = :client_id AND seq < :before AND at >= :since AND at < :until
  AND kind IN (SELECT value FROM json_each(:kinds))
ORDER BY seq DESC LIMIT :most;
