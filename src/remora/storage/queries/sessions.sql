-- name: session_find
-- A session by the digest of its token.
SELECT name, epoch, created_at, seen_at FROM sessions WHERE token_digest = :digest;

-- name: session_add
-- Opens a session.
INSERT INTO sessions (token_digest, name, epoch, created_at, seen_at)
VALUES (:digest, :name, :epoch, :now, :now);

-- name: session_seen
-- Notes that a session was used.
UPDATE sessions SET seen_at = :now WHERE token_digest = :digest;

-- name: session_end
-- Ends one session.
DELETE FROM sessions WHERE token_digest = :digest;

-- name: sessions_end
-- Ends every session of an operator.
DELETE FROM sessions WHERE name = :name;

-- name: sessions_clear
-- Forgets sessions that began, or were last used, too long ago.
DELETE FROM sessions WHERE created_at <= :began OR seen_at <= :used;

-- name: sign_in_count
-- Counts a sign-in before it is known whether it fails; what failed before the window counts no more.
INSERT INTO sign_in_failures (subject, failures, since) VALUES (:subject, 1, :now)
ON CONFLICT (subject) DO UPDATE SET
    failures = CASE WHEN sign_in_failures.since <= :before THEN 1 ELSE sign_in_failures.failures + 1 END,
    since = CASE WHEN sign_in_failures.since <= :before THEN excluded.since ELSE sign_in_failures.since END;

-- name: sign_in_counted
-- How many were counted for a subject, and since when.
SELECT failures, since FROM sign_in_failures WHERE subject = :subject;

-- name: sign_in_forgive
-- Takes back what was counted for a sign-in that went well.
UPDATE sign_in_failures SET failures = failures - 1 WHERE subject = :subject AND failures > 0;

-- name: sign_in_forget
-- Forgets what was counted for a subject.
DELETE FROM sign_in_failures WHERE subject = :subject;

-- name: sign_in_clear
-- Forgets what was counted before the window.
DELETE FROM sign_in_failures WHERE since <= :before;
