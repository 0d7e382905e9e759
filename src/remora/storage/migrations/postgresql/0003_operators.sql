-- The people who use the console, and their sign-ins. Like `installation` these belong to no bot; docs/decisions/0006
-- says why. What a caller of the API does never touches them.

-- epoch: a session of an earlier one is over; that is how someone is signed out everywhere.
CREATE TABLE operators (
    name          text    COLLATE "C" PRIMARY KEY,
    role          text    COLLATE "C" NOT NULL CHECK (role IN ('admin', 'staff', 'viewer')),
    password_hash text    NOT NULL,
    disabled      boolean NOT NULL,
    epoch         bigint  NOT NULL CHECK (epoch >= 0),
    created_at    bigint  NOT NULL
);

-- The bots that an operator who is no admin works for.
CREATE TABLE operator_bots (
    name   text COLLATE "C" NOT NULL,
    bot_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (name, bot_id)
);

-- token_digest: SHA-256 of what the browser's cookie holds. Nothing here opens a session.
CREATE TABLE sessions (
    token_digest bytea  PRIMARY KEY CHECK (length(token_digest) = 32),
    name         text   COLLATE "C" NOT NULL,
    epoch        bigint NOT NULL,
    created_at   bigint NOT NULL,
    seen_at      bigint NOT NULL
);

-- subject: SHA-256 of a name that was typed, or of an address: people type passwords where names belong.
CREATE TABLE sign_in_failures (
    subject  bytea  PRIMARY KEY CHECK (length(subject) = 32),
    failures bigint NOT NULL,
    since    bigint NOT NULL
);
