-- name: lots_of
-- A client's lots, those with points left first, then the newest.
SELECT lot_id, points, remaining, held, active_from, expires_at FROM lots
WHERE bot_id = :bot_id AND client_id = :client_id ORDER BY remaining = 0, lot_id DESC LIMIT :most;

-- name: entries_after
-- A page of a client's journal, oldest first: entries after a seq, up to an instant.
SELECT seq, kind, points, available, at, recorded_at, reason, metadata, refers_to, active_from, expires_at,
       operator, hash
FROM entries
WHERE bot_id = :bot_id AND client_id = :client_id AND seq > :after AND at <= :until
ORDER BY seq LIMIT :most;

-- name: entry_lots_between
-- A client's allocations from one seq to another, both included. A grant's is its lot, and what a version before 0007
-- has noted of it once more is left out.
SELECT lot_id AS seq, lot_id, points FROM lots
WHERE bot_id = :bot_id AND client_id = :client_id AND lot_id BETWEEN :first AND :last
UNION ALL
SELECT seq, lot_id, points FROM entry_lots
WHERE bot_id = :bot_id AND client_id = :client_id AND seq BETWEEN :first AND :last AND lot_id <> seq
ORDER BY seq, lot_id;

-- name: orphans
-- How many rows of each table of the ledger belong to no client, or to no entry, or say of a grant what its lot does
-- not: there should be none.
SELECT 'entries', count(*) FROM entries
WHERE bot_id = :bot_id
  AND NOT EXISTS (SELECT 1 FROM clients WHERE clients.bot_id = :bot_id AND clients.client_id = entries.client_id)
UNION ALL
SELECT 'entry_lots', count(*) FROM entry_lots
WHERE bot_id = :bot_id AND lot_id <> seq
  AND NOT EXISTS (SELECT 1 FROM entries WHERE entries.bot_id = :bot_id AND entries.client_id = entry_lots.client_id
                                          AND entries.seq = entry_lots.seq)
UNION ALL
SELECT 'entry_lots', count(*) FROM entry_lots
WHERE bot_id = :bot_id AND lot_id = seq
  AND NOT EXISTS (SELECT 1 FROM lots WHERE lots.bot_id = :bot_id AND lots.client_id = entry_lots.client_id
                                       AND lots.lot_id = entry_lots.lot_id AND lots.points = entry_lots.points)
UNION ALL
SELECT 'lots', count(*) FROM lots
WHERE bot_id = :bot_id
  AND NOT EXISTS (SELECT 1 FROM entries WHERE entries.bot_id = :bot_id AND entries.client_id = lots.client_id
                                          AND entries.seq = lots.lot_id)
UNION ALL
SELECT 'holds', count(*) FROM holds
WHERE bot_id = :bot_id
  AND NOT EXISTS (SELECT 1 FROM entries WHERE entries.bot_id = :bot_id AND entries.client_id = holds.client_id
                                          AND entries.seq = holds.hold_id);
