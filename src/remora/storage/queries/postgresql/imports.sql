-- name: clients_named
-- The clients with these encoded ids, a JSON array.
SELECT client_id, platform, platform_client_id FROM clients
WHERE bot_id = :bot_id AND client_id = ANY (ARRAY(SELECT json_array_elements_text(CAST(:ids AS json))));

-- name: import_row_save
-- Adds rows that were granted, or writes what was taken back of those that are there.
INSERT INTO import_rows (bot_id, import_id, number, line, client_id, seq, points, taken, lacking)
SELECT bots.bot_id, added.import_id, added.number, added.line, added.client_id, added.seq, added.points, added.taken,
       added.lacking
FROM bots
CROSS JOIN unnest(CAST(:import_id AS text[]), CAST(:number AS bigint[]), CAST(:line AS bigint[]),
    CAST(:client_id AS text[]), CAST(:seq AS bigint[]), CAST(:points AS bigint[]), CAST(:taken AS bigint[]),
    CAST(:lacking AS bigint[])) AS added (import_id, number, line, client_id, seq, points, taken, lacking)
WHERE bots.bot_id = :bot_id
ORDER BY added.import_id, added.number
ON CONFLICT (bot_id, import_id, number) DO UPDATE SET taken = excluded.taken, lacking = excluded.lacking;

-- name: import_rows_of_others
-- For each of the clients with these encoded ids, a JSON array, to whom another import gave points that it has not
-- taken back: which import.
SELECT client_id, min(import_id) FROM import_rows
WHERE bot_id = :bot_id AND import_id <> :import_id AND taken IS NULL
  AND client_id = ANY (ARRAY(SELECT json_array_elements_text(CAST(:ids AS json))))
GROUP BY client_id;
