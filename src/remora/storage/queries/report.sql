-- name: report_moved
-- By quarter of an hour, what was written down in a span of time did with points: of which kind, of which sign, how many.
-- What a grant did its lot says.
SELECT entries.at / 900000000, entries.kind, lots.points > 0, CAST(sum(lots.points) AS bigint)
FROM entries
JOIN lots ON lots.bot_id = entries.bot_id AND lots.client_id = entries.client_id AND lots.lot_id = entries.seq
WHERE entries.bot_id = :bot_id AND lots.bot_id = :bot_id
  AND entries.recorded_at >= :since AND entries.recorded_at < :until AND entries.kind = 'grant'
GROUP BY entries.at / 900000000, entries.kind, lots.points > 0
UNION ALL
SELECT entries.at / 900000000, entries.kind, entry_lots.points > 0, CAST(sum(entry_lots.points) AS bigint)
FROM entries
JOIN entry_lots ON entry_lots.bot_id = entries.bot_id AND entry_lots.client_id = entries.client_id
               AND entry_lots.seq = entries.seq
WHERE entries.bot_id = :bot_id AND entry_lots.bot_id = :bot_id
  AND entries.recorded_at >= :since AND entries.recorded_at < :until
  AND entries.kind IN ('spend', 'capture', 'expire', 'reverse')
GROUP BY entries.at / 900000000, entries.kind, entry_lots.points > 0;

-- name: report_outstanding
-- By quarter of an hour of their expiry, the points that are left in lots.
SELECT expires_at / 900000000, CAST(sum(remaining) AS bigint) FROM lots
WHERE bot_id = :bot_id AND remaining > 0 AND expires_at > :now GROUP BY expires_at / 900000000;
