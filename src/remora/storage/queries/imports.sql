-- name: import_begin
-- Makes an import, unless it is there.
INSERT INTO imports (bot_id, import_id, name, row_count, began_at, finished_at, undo_began_at, undone_at, clients_made,
                     grants, points, taken, lacking, began_by, undone_by)
VALUES (:bot_id, :import_id, :name, :row_count, :began_at, :finished_at, :undo_began_at, :undone_at, :clients_made,
        :grants, :points, :taken, :lacking, :began_by, :undone_by)
ON CONFLICT (bot_id, import_id) DO NOTHING;

-- name: import_save
-- Writes how far an import, or its undoing, has come.
UPDATE imports
SET finished_at = :finished_at, undo_began_at = :undo_began_at, undone_at = :undone_at, clients_made = :clients_made,
    grants = :grants, points = :points, taken = :taken, lacking = :lacking,
    undone_by = :undone_by
WHERE bot_id = :bot_id AND import_id = :import_id;

-- name: import_find
-- One import.
SELECT import_id, name, row_count, began_at, finished_at, undo_began_at, undone_at, clients_made, grants, points, taken,
       lacking, began_by, undone_by
FROM imports WHERE bot_id = :bot_id AND import_id = :import_id;

-- name: import_lock
-- One import, which nobody else goes on with until the transaction ends.
SELECT import_id, name, row_count, began_at, finished_at, undo_began_at, undone_at, clients_made, grants, points, taken,
       lacking, began_by, undone_by
FROM imports WHERE bot_id = :bot_id AND import_id = :import_id FOR UPDATE;

-- name: import_page
-- A page of a bot's imports after a given id.
SELECT import_id, name, row_count, began_at, finished_at, undo_began_at, undone_at, clients_made, grants, points, taken,
       lacking, began_by, undone_by
FROM imports WHERE bot_id = :bot_id AND import_id > :after ORDER BY import_id LIMIT :most;

-- name: import_rows_page
-- A page of the rows that an import granted after a given number.
SELECT number, line, client_id, seq, points, taken, lacking FROM import_rows
WHERE bot_id = :bot_id AND import_id = :import_id AND number > :after ORDER BY number LIMIT :most;

-- name: import_rows_between
-- The rows that an import granted, from one number to another, both included.
SELECT number, line, client_id, seq, points, taken, lacking FROM import_rows
WHERE bot_id = :bot_id AND import_id = :import_id AND number BETWEEN :first AND :last;
