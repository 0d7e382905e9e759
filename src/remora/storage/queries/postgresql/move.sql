-- name: lots_listed
-- All lots of the clients with these encoded ids, a JSON array.
SELECT client_id, lot_id, points, remaining, held, active_from, expires_at FROM lots
WHERE bot_id = :bot_id AND client_id = ANY (ARRAY(SELECT json_array_elements_text(CAST(:ids AS json))))
ORDER BY client_id, lot_id;

-- name: holds_listed
-- All holds of the clients with these encoded ids, a JSON array.
SELECT client_id, hold_id, points, expires_at, status FROM holds
WHERE bot_id = :bot_id AND client_id = ANY (ARRAY(SELECT json_array_elements_text(CAST(:ids AS json))))
ORDER BY client_id, hold_id;

-- name: entries_spanned
-- The entries in spans of journals: a JSON array of [client, first, last].
SELECT entries.client_id, seq, kind, points, available, at, recorded_at, reason, metadata, refers_to, active_from,
       expires_at, operator, hash
FROM json_array_elements(CAST(:spans AS json)) AS asked (span)
JOIN entries ON entries.client_id = asked.span ->> 0
            AND entries.seq BETWEEN CAST(asked.span ->> 1 AS bigint) AND CAST(asked.span ->> 2 AS bigint)
WHERE entries.bot_id = :bot_id
ORDER BY entries.client_id, entries.seq;

-- name: entry_lots_spanned
-- The allocations of the entries in spans of journals: a JSON array of [client, first, last]. A grant's is its lot.
SELECT touched.client_id, touched.seq, touched.lot_id, touched.points
FROM json_array_elements(CAST(:spans AS json)) AS asked (span)
CROSS JOIN LATERAL (
    SELECT client_id, lot_id AS seq, lot_id, points FROM lots
    WHERE lots.bot_id = :bot_id AND lots.client_id = asked.span ->> 0
      AND lots.lot_id BETWEEN CAST(asked.span ->> 1 AS bigint) AND CAST(asked.span ->> 2 AS bigint)
    UNION ALL
    SELECT client_id, seq, lot_id, points FROM entry_lots
    WHERE entry_lots.bot_id = :bot_id AND entry_lots.client_id = asked.span ->> 0
      AND entry_lots.seq BETWEEN CAST(asked.span ->> 1 AS bigint) AND CAST(asked.span ->> 2 AS bigint)
      AND entry_lots.lot_id <> entry_lots.seq
    OFFSET 0
) AS touched
ORDER BY touched.client_id, touched.seq, touched.lot_id;
