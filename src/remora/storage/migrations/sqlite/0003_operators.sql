-- The people who use the console, and their sign-ins. Like `installation` these belong to no bot; docs/decisions/0006
-- says why. What a caller of the API does never touches them.

-- epoch: a session of an earlier one is over; that is how someone is signed out everywhere.
CREATE TABLE operators (
    name          TEXT    PRIMARY KEY,
    role          TEXT    NOT NULL CHECK (role IN ('admin', 'staff', 'viewer')),
    password_hash TEXT    NOT NULL,
    disabled      INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    epoch         INTEGER NOT NULL CHECK (epoch >= 0),
    created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The bots that an operator who is no admin works for.
CREATE TABLE operator_bots (
    name   TEXT NOT NULL,
    bot_id TEXT NOT NULL,
    PRIMARY KEY (name, bot_id)
) STRICT, WITHOUT ROWID;

-- token_digest: SHA-256 of what the browser's cookie holds. Nothing here opens a session.
CREATE TABLE sessions (
    token_digest BLOB    PRIMARY KEY CHECK (length(token_digest) = 32),
    name         TEXT    NOT NULL,
    epoch        INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    seen_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- subject: SHA-256 of a name that was typed, or of an address: people type passwords where names belong.
CREATE TABLE sign_in_failures (
    subject  BLOB    PRIMARY KEY CHECK (length(subject) = 32),
    failures INTEGER NOT NULL,
    since    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
