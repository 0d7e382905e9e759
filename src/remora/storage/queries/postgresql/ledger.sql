-- name: accounts_find
-- The stored ledger numbers of the clients with these encoded ids, an array.
SELECT client_id, available, held, next_due_at, seq, head_hash, settled_at FROM clients
WHERE bot_id = :bot_id AND client_id = ANY (CAST(:ids AS text[]));

-- name: accounts_lock
-- The same, locked in order of the ids, so that two transactions never wait for each other.
SELECT client_id, available, held, next_due_at, seq, head_hash, settled_at FROM clients
WHERE bot_id = :bot_id AND client_id = ANY (CAST(:ids AS text[]))
ORDER BY client_id FOR UPDATE;

-- name: account_save
-- Writes clients' ledger numbers.
UPDATE clients
SET available = saved.available, held = saved.held, next_due_at = saved.next_due_at, seq = saved.seq,
    head_hash = decode(saved.head_hash, 'base64'), settled_at = saved.settled_at
FROM unnest(CAST(:client_id AS text[]), CAST(:available AS bigint[]), CAST(:held AS bigint[]),
    CAST(:next_due_at AS bigint[]), CAST(:seq AS bigint[]), CAST(:head_hash AS text[]), CAST(:settled_at AS bigint[]))
    AS saved (client_id, available, held, next_due_at, seq, head_hash, settled_at)
WHERE clients.bot_id = :bot_id AND clients.client_id = saved.client_id;

-- name: lots_open
-- Every lot with points left of the clients with these encoded ids, a JSON array. Those up to 64 are read by the primary
-- key, the rest by the index that has no others. OFFSET 0 keeps the planner to a look into an index for each: while it
-- takes the table for small, it would read all of the bot's lots.
SELECT asked.client_id, opened.lot_id, opened.points, opened.remaining, opened.held, opened.active_from,
       opened.expires_at
FROM json_array_elements_text(CAST(:ids AS json)) AS asked (client_id)
CROSS JOIN LATERAL (
    SELECT lot_id, points, remaining, held, active_from, expires_at FROM lots
    WHERE lots.bot_id = :bot_id AND lots.client_id = asked.client_id AND lots.lot_id <= 64 AND lots.remaining > 0
    UNION ALL
    SELECT lot_id, points, remaining, held, active_from, expires_at FROM lots
    WHERE lots.bot_id = :bot_id AND lots.client_id = asked.client_id AND lots.lot_id > 64 AND lots.remaining > 0
    OFFSET 0
) AS opened;

-- name: lots_first
-- The first lots with points left, in the order in which they are used, of the clients with these encoded ids. See
-- `lots_open`.
SELECT asked.client_id, first.lot_id, first.points, first.remaining, first.held, first.active_from, first.expires_at
FROM json_array_elements_text(CAST(:ids AS json)) AS asked (client_id)
CROSS JOIN LATERAL (
    SELECT lot_id, points, remaining, held, active_from, expires_at FROM lots
    WHERE lots.bot_id = :bot_id AND lots.client_id = asked.client_id AND lots.lot_id <= 64 AND lots.remaining > 0
    UNION ALL
    (SELECT lot_id, points, remaining, held, active_from, expires_at FROM lots
     WHERE lots.bot_id = :bot_id AND lots.client_id = asked.client_id AND lots.lot_id > 64 AND lots.remaining > 0
     ORDER BY lots.expires_at, lots.lot_id LIMIT :most)
    ORDER BY expires_at, lot_id LIMIT :most
) AS first;

-- name: lots_named
-- The lots that entries touched, which [client, seq] pairs in a JSON array name: used up or not. A grant's is its own.
SELECT touched.client_id, touched.lot_id, touched.points, touched.remaining, touched.held, touched.active_from,
       touched.expires_at
FROM json_array_elements(CAST(:pairs AS json)) AS asked (pair)
CROSS JOIN LATERAL (
    SELECT client_id, lot_id, points, remaining, held, active_from, expires_at FROM lots
    WHERE lots.bot_id = :bot_id AND lots.client_id = asked.pair ->> 0
      AND lots.lot_id = CAST(asked.pair ->> 1 AS bigint)
    UNION ALL
    SELECT used.client_id, used.lot_id, used.points, used.remaining, used.held, used.active_from, used.expires_at
    FROM entry_lots
    CROSS JOIN LATERAL (
        SELECT client_id, lot_id, points, remaining, held, active_from, expires_at FROM lots
        WHERE lots.bot_id = :bot_id AND lots.client_id = entry_lots.client_id AND lots.lot_id = entry_lots.lot_id
        OFFSET 0
    ) AS used
    WHERE entry_lots.bot_id = :bot_id AND entry_lots.client_id = asked.pair ->> 0
      AND entry_lots.seq = CAST(asked.pair ->> 1 AS bigint) AND entry_lots.lot_id <> entry_lots.seq
    OFFSET 0
) AS touched;

-- name: lot_add
-- Adds lots.
INSERT INTO lots (bot_id, client_id, lot_id, points, remaining, held, active_from, expires_at)
SELECT bots.bot_id, added.client_id, added.lot_id, added.points, added.remaining, added.held, added.active_from,
       added.expires_at
FROM bots
CROSS JOIN unnest(CAST(:client_id AS text[]), CAST(:lot_id AS bigint[]), CAST(:points AS bigint[]),
    CAST(:remaining AS bigint[]), CAST(:held AS bigint[]), CAST(:active_from AS bigint[]),
    CAST(:expires_at AS bigint[])) AS added (client_id, lot_id, points, remaining, held, active_from, expires_at)
WHERE bots.bot_id = :bot_id;

-- name: lot_save
-- Adds lots, or writes the counters of those that are there; the rest of a lot never changes.
INSERT INTO lots (bot_id, client_id, lot_id, points, remaining, held, active_from, expires_at)
SELECT bots.bot_id, saved.client_id, saved.lot_id, saved.points, saved.remaining, saved.held, saved.active_from,
       saved.expires_at
FROM bots
CROSS JOIN unnest(CAST(:client_id AS text[]), CAST(:lot_id AS bigint[]), CAST(:points AS bigint[]),
    CAST(:remaining AS bigint[]), CAST(:held AS bigint[]), CAST(:active_from AS bigint[]),
    CAST(:expires_at AS bigint[])) AS saved (client_id, lot_id, points, remaining, held, active_from, expires_at)
WHERE bots.bot_id = :bot_id
ON CONFLICT (bot_id, client_id, lot_id) DO UPDATE SET remaining = excluded.remaining, held = excluded.held;

-- name: holds_open
-- The open holds of the clients with these encoded ids, a JSON array, with the lots that each reserves points of.
SELECT opened.client_id, opened.hold_id, opened.points, opened.expires_at, opened.status, entry_lots.lot_id,
       entry_lots.points
FROM json_array_elements_text(CAST(:ids AS json)) AS asked (client_id)
CROSS JOIN LATERAL (
    SELECT client_id, hold_id, points, expires_at, status FROM holds
    WHERE holds.bot_id = :bot_id AND holds.client_id = asked.client_id AND holds.status = 'open' OFFSET 0
) AS opened
JOIN entry_lots ON entry_lots.client_id = opened.client_id AND entry_lots.seq = opened.hold_id
WHERE entry_lots.bot_id = :bot_id
ORDER BY opened.client_id, opened.hold_id, entry_lots.lot_id;

-- name: holds_ended
-- Of the holds that [client, hold] pairs in a JSON array name, those that have ended.
SELECT holds.client_id, holds.hold_id, holds.points, holds.expires_at, holds.status, entry_lots.lot_id,
       entry_lots.points
FROM json_array_elements(CAST(:pairs AS json)) AS asked (pair)
JOIN holds ON holds.client_id = asked.pair ->> 0 AND holds.hold_id = CAST(asked.pair ->> 1 AS bigint)
          AND holds.status <> 'open'
JOIN entry_lots ON entry_lots.bot_id = holds.bot_id AND entry_lots.client_id = holds.client_id
               AND entry_lots.seq = holds.hold_id
WHERE holds.bot_id = :bot_id AND entry_lots.bot_id = :bot_id
ORDER BY holds.client_id, holds.hold_id, entry_lots.lot_id;

-- name: hold_save
-- Adds holds, or ends those that are there.
INSERT INTO holds (bot_id, client_id, hold_id, points, expires_at, status)
SELECT bots.bot_id, saved.client_id, saved.hold_id, saved.points, saved.expires_at, saved.status
FROM bots
CROSS JOIN unnest(CAST(:client_id AS text[]), CAST(:hold_id AS bigint[]), CAST(:points AS bigint[]),
    CAST(:expires_at AS bigint[]), CAST(:status AS text[])) AS saved (client_id, hold_id, points, expires_at, status)
WHERE bots.bot_id = :bot_id
ON CONFLICT (bot_id, client_id, hold_id) DO UPDATE SET status = excluded.status;

-- name: entry_add
-- Appends entries to clients' journals.
INSERT INTO entries (bot_id, client_id, seq, kind, points, available, at, recorded_at, reason, metadata, refers_to,
                     active_from, expires_at, operator, hash)
SELECT bots.bot_id, added.client_id, added.seq, added.kind, added.points, added.available, added.at,
       added.recorded_at, added.reason, added.metadata, added.refers_to, added.active_from, added.expires_at,
       added.operator, decode(added.hash, 'base64')
FROM bots
CROSS JOIN unnest(CAST(:client_id AS text[]), CAST(:seq AS bigint[]), CAST(:kind AS text[]),
    CAST(:points AS bigint[]), CAST(:available AS bigint[]), CAST(:at AS bigint[]), CAST(:recorded_at AS bigint[]),
    CAST(:reason AS text[]), CAST(:metadata AS text[]), CAST(:refers_to AS bigint[]), CAST(:active_from AS bigint[]),
    CAST(:expires_at AS bigint[]), CAST(:operator AS text[]), CAST(:hash AS text[])) AS added (client_id, seq, kind,
    points, available, at, recorded_at, reason, metadata, refers_to, active_from, expires_at, operator, hash)
WHERE bots.bot_id = :bot_id;

-- name: entry_lot_add
-- Notes which lots entries touched, and by how much. Not of grants: their lots say so themselves.
INSERT INTO entry_lots (bot_id, client_id, seq, lot_id, points)
SELECT bots.bot_id, added.client_id, added.seq, added.lot_id, added.points
FROM bots
CROSS JOIN unnest(CAST(:client_id AS text[]), CAST(:seq AS bigint[]), CAST(:lot_id AS bigint[]),
    CAST(:points AS bigint[])) AS added (client_id, seq, lot_id, points)
WHERE bots.bot_id = :bot_id;

-- name: entries_named
-- The entries that [client, seq] pairs in a JSON array name.
SELECT entries.client_id, seq, kind, points, available, at, recorded_at, reason, metadata, refers_to, active_from,
       expires_at, operator, hash
FROM json_array_elements(CAST(:pairs AS json)) AS asked (pair)
JOIN entries ON entries.client_id = asked.pair ->> 0 AND entries.seq = CAST(asked.pair ->> 1 AS bigint)
WHERE entries.bot_id = :bot_id;

-- name: entry_lots_named
-- The allocations of the entries that [client, seq] pairs in a JSON array name; a grant's is its lot. OFFSET 0: see
-- `lots_open`.
SELECT touched.client_id, touched.seq, touched.lot_id, touched.points
FROM json_array_elements(CAST(:pairs AS json)) AS asked (pair)
CROSS JOIN LATERAL (
    SELECT client_id, lot_id AS seq, lot_id, points FROM lots
    WHERE lots.bot_id = :bot_id AND lots.client_id = asked.pair ->> 0
      AND lots.lot_id = CAST(asked.pair ->> 1 AS bigint)
    UNION ALL
    SELECT client_id, seq, lot_id, points FROM entry_lots
    WHERE entry_lots.bot_id = :bot_id AND entry_lots.client_id = asked.pair ->> 0
      AND entry_lots.seq = CAST(asked.pair ->> 1 AS bigint) AND entry_lots.lot_id <> entry_lots.seq
    OFFSET 0
) AS touched
ORDER BY touched.client_id, touched.seq, touched.lot_id;

-- name: reversals_named
-- What was reversed so far, by lot, of the entries that [client, seq] pairs in a JSON array name.
SELECT entries.client_id, entries.refers_to, entry_lots.lot_id, CAST(sum(entry_lots.points) AS bigint)
FROM json_array_elements(CAST(:pairs AS json)) AS asked (pair)
JOIN entries ON entries.client_id = asked.pair ->> 0 AND entries.refers_to = CAST(asked.pair ->> 1 AS bigint)
            AND entries.kind = 'reverse'
JOIN entry_lots ON entry_lots.bot_id = entries.bot_id AND entry_lots.client_id = entries.client_id
               AND entry_lots.seq = entries.seq
WHERE entries.bot_id = :bot_id AND entry_lots.bot_id = :bot_id
GROUP BY entries.client_id, entries.refers_to, entry_lots.lot_id;

-- name: entries_before
-- A page of a client's journal, newest first: entries before a seq, of some kinds (a JSON array), in a span of time.
SELECT seq, kind, points, available, at, recorded_at, reason, metadata, refers_to, active_from, expires_at,
       operator, hash
FROM entries
WHERE bot_id = :bot_id AND client_id = :client_id AND seq < :before AND at >= :since AND at < :until
  AND kind = ANY (ARRAY(SELECT json_array_elements_text(CAST(:kinds AS json))))
ORDER BY seq DESC LIMIT :most;
