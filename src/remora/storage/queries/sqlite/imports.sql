-- name: clients_named
-- The clients with these encoded ids, a JSON array.
SELECT clients.client_id, clients.platform, clients.platform_client_id
FROM json_each(:ids) AS asked
CROSS JOIN clients ON clients.bot_id = :bot_id AND clients.client_id = asked.value;

-- name: import_row_save
-- Adds a row that was granted, or writes what was taken back of one that is there.
INSERT INTO import_rows (bot_id, import_id, number, line, client_id, seq, points, taken, lacking)
VALUES (:bot_id, :import_id, :number, :line, :client_id, :seq, :points, :taken, :lacking)
ON CONFLICT (bot_id, import_id, number) DO UPDATE SET taken = excluded.taken, lacking = excluded.lacking;

-- name: import_rows_of_others
-- For each of the clients with these encoded ids, a JSON array, to whom another import gave points that it has not
-- taken back: which import. The index is named, as SQLite would rather walk all rows of the bot.
SELECT import_rows.client_id, min(import_rows.import_id)
FROM json_each(:ids) AS asked
CROSS JOIN import_rows INDEXED BY import_rows_client
        ON import_rows.bot_id = :bot_id AND import_rows.client_id = asked.value
       AND import_rows.import_id <> :import_id AND import_rows.taken IS NULL
GROUP BY import_rows.client_id;
