-- name: task_begin
-- Makes a task, or begins it anew, unless somebody is at it who was heard of since an instant.
INSERT INTO import_tasks (bot_id, subject, kind, attempt, source, import_id, name, operator, state, began_at, told_at,
                          done, total, code, problem, findings)
VALUES (:bot_id, :subject, :kind, :attempt, :source, :import_id, :name, :operator, :state, :began_at, :told_at,
        :done, :total, :code, :problem, :findings)
ON CONFLICT (bot_id, subject, kind) DO UPDATE
SET attempt = excluded.attempt, source = excluded.source, import_id = excluded.import_id, name = excluded.name,
    operator = excluded.operator, state = excluded.state, began_at = excluded.began_at, told_at = excluded.told_at,
    done = excluded.done, total = excluded.total, code = excluded.code, problem = excluded.problem,
    findings = excluded.findings
WHERE import_tasks.state NOT IN ('waiting', 'reading', 'running') OR import_tasks.told_at < :heard_since;

-- name: task_save
-- Writes how far a task is, unless it is another's by now.
UPDATE import_tasks
SET import_id = :import_id, state = :state, told_at = :told_at, done = :done, total = :total, code = :code,
    problem = :problem, findings = :findings
WHERE bot_id = :bot_id AND subject = :subject AND kind = :kind AND attempt = :attempt;

-- name: task_find
-- One task.
SELECT subject, kind, attempt, source, import_id, name, operator, state, began_at, told_at, done, total, code, problem,
       findings
FROM import_tasks WHERE bot_id = :bot_id AND subject = :subject AND kind = :kind;

-- name: tasks_of_bot
-- A bot's tasks, without what was found: they are forgotten after days, so they are few.
SELECT subject, kind, attempt, source, import_id, name, operator, state, began_at, told_at, done, total, code, problem,
       NULL AS findings
FROM import_tasks WHERE bot_id = :bot_id;

-- name: task_remove
-- Forgets a task.
DELETE FROM import_tasks WHERE bot_id = :bot_id AND subject = :subject AND kind = :kind AND attempt = :attempt;

-- name: piece_add
-- Adds a piece of a file.
INSERT INTO import_pieces (bot_id, subject, kind, number, content)
VALUES (:bot_id, :subject, :kind, :number, :content);

-- name: piece_find
-- The piece of a file that has a number.
SELECT content FROM import_pieces
WHERE bot_id = :bot_id AND subject = :subject AND kind = :kind AND number = :number;

-- name: pieces_remove
-- Forgets the first pieces of a file, up to a number.
DELETE FROM import_pieces
WHERE bot_id = :bot_id AND subject = :subject AND kind = :kind AND number <= :last;

-- name: pieces_first
-- The number of the first piece of a file that there is.
SELECT min(number) FROM import_pieces WHERE bot_id = :bot_id AND subject = :subject AND kind = :kind;
