-- name: lots_listed
-- All lots of the clients with these encoded ids, a JSON array.
SELECT lots.client_id, lots.lot_id, lots.points, lots.remaining, lots.held, lots.active_from, lots.expires_at
FROM json_each(:ids) AS asked
CROSS JOIN lots ON lots.bot_id = :bot_id AND lots.client_id = asked.value
ORDER BY lots.client_id, lots.lot_id;

-- name: holds_listed
-- All holds of the clients with these encoded ids, a JSON array.
SELECT holds.client_id, holds.hold_id, holds.points, holds.expires_at, holds.status
FROM json_each(:ids) AS asked
CROSS JOIN holds ON holds.bot_id = :bot_id AND holds.client_id = asked.value
ORDER BY holds.client_id, holds.hold_id;

-- name: entries_spanned
-- The entries in spans of journals: a JSON array of [client, first, last].
SELECT entries.client_id, seq, kind, points, available, at, recorded_at, reason, metadata, refers_to, active_from,
       expires_at, operator, hash
FROM json_each(:spans) AS asked
CROSS JOIN entries ON entries.bot_id = :bot_id AND entries.client_id = json_extract(asked.value, '$[0]')
                  AND entries.seq BETWEEN json_extract(asked.value, '$[1]') AND json_extract(asked.value, '$[2]')
ORDER BY entries.client_id, entries.seq;

-- name: entry_lots_spanned
-- The allocations of the entries in spans of journals: a JSON array of [client, first, last]. A grant's is its lot.
SELECT lots.client_id, lots.lot_id AS seq, lots.lot_id, lots.points
FROM json_each(:spans) AS asked
CROSS JOIN lots ON lots.bot_id = :bot_id AND lots.client_id = json_extract(asked.value, '$[0]')
               AND lots.lot_id BETWEEN json_extract(asked.value, '$[1]') AND json_extract(asked.value, '$[2]')
UNION ALL
SELECT entry_lots.client_id, entry_lots.seq, entry_lots.lot_id, entry_lots.points
FROM json_each(:spans) AS asked
CROSS JOIN entry_lots ON entry_lots.bot_id = :bot_id AND entry_lots.client_id = json_extract(asked.value, '$[0]')
                     AND entry_lots.seq BETWEEN json_extract(asked.value, '$[1]') AND json_extract(asked.value, '$[2]')
                     AND entry_lots.lot_id <> entry_lots.seq
ORDER BY client_id, seq, lot_id;
