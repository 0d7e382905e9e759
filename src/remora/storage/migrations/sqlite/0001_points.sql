-- Bots and their credentials, clients, and the ledger.
--
-- Every table but the first two is keyed by bot_id first, so that it can be distributed by bot. There are
-- no foreign keys: in PostgreSQL each insert would lock the bot's row, and `verify` checks more than they do.
-- Instants are UTC microseconds; 9223372036854775807 is "never". Points are whole.

CREATE TABLE schema_migrations (
    number     INTEGER PRIMARY KEY,
    name       TEXT    NOT NULL,
    digest     TEXT    NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT;

-- What belongs to the installation as a whole: the salt of encoded ids, the signing key. Read at start only.
CREATE TABLE installation (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE bots (
    bot_id             TEXT    PRIMARY KEY,
    name               TEXT    NOT NULL,
    api_enabled        INTEGER NOT NULL CHECK (api_enabled IN (0, 1)),
    overlap_minutes    INTEGER NOT NULL CHECK (overlap_minutes BETWEEN 0 AND 1440),
    expiry_policy      TEXT    NOT NULL,
    time_zone          TEXT    NOT NULL,
    last_client_number INTEGER NOT NULL CHECK (last_client_number >= 0),
    created_at         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE credentials (
    bot_id        TEXT    NOT NULL,
    token_id      TEXT    NOT NULL,
    secret_digest BLOB    NOT NULL CHECK (length(secret_digest) = 32),
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    valid_until   INTEGER NOT NULL,
    PRIMARY KEY (bot_id, token_id)
) STRICT, WITHOUT ROWID;

-- A bot has one current pair.
CREATE UNIQUE INDEX credentials_current ON credentials (bot_id) WHERE valid_until = 9223372036854775807;

CREATE TABLE clients (
    bot_id             TEXT    NOT NULL,
    client_id          TEXT    NOT NULL,
    platform           TEXT    NOT NULL CHECK (platform IN ('line', 'facebook', 'instagram', 'liveChat', 'whatsapp')),
    platform_client_id TEXT    NOT NULL,
    available          INTEGER NOT NULL CHECK (available BETWEEN 0 AND 9007199254740991),
    held               INTEGER NOT NULL CHECK (held BETWEEN 0 AND 9007199254740991),
    next_due_at        INTEGER NOT NULL,
    seq                INTEGER NOT NULL CHECK (seq >= 0),
    head_hash          BLOB    NOT NULL CHECK (length(head_hash) = 32),
    settled_at         INTEGER NOT NULL,
    created_at         INTEGER NOT NULL,
    PRIMARY KEY (bot_id, client_id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX clients_platform ON clients (bot_id, platform, platform_client_id);

-- What `tidy` has to do, and nothing else.
CREATE INDEX clients_due ON clients (bot_id, next_due_at) WHERE next_due_at < 9223372036854775807;

-- A lot is named by the seq of the entry that made it.
CREATE TABLE lots (
    bot_id      TEXT    NOT NULL,
    client_id   TEXT    NOT NULL,
    lot_id      INTEGER NOT NULL,
    points      INTEGER NOT NULL CHECK (points > 0),
    remaining   INTEGER NOT NULL CHECK (remaining BETWEEN 0 AND points),
    held        INTEGER NOT NULL CHECK (held BETWEEN 0 AND remaining),
    active_from INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL CHECK (expires_at > active_from),
    PRIMARY KEY (bot_id, client_id, lot_id)
) STRICT, WITHOUT ROWID;

-- A client's history grows and its open lots do not: reading a balance must not walk the spent ones.
CREATE INDEX lots_open ON lots (bot_id, client_id, expires_at, lot_id) WHERE remaining > 0;

-- A hold is named by the seq of the entry that made it, whose allocations say which lots it holds points of.
CREATE TABLE holds (
    bot_id     TEXT    NOT NULL,
    client_id  TEXT    NOT NULL,
    hold_id    INTEGER NOT NULL,
    points     INTEGER NOT NULL CHECK (points > 0),
    expires_at INTEGER NOT NULL,
    status     TEXT    NOT NULL CHECK (status IN ('open', 'captured', 'released', 'timedOut')),
    PRIMARY KEY (bot_id, client_id, hold_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX holds_open ON holds (bot_id, client_id, hold_id) WHERE status = 'open';

-- refers_to: the hold that a capture, release or timeout ends; the entry that a reversal reverses.
-- active_from, expires_at: of the lot that a grant makes; expires_at also of a hold.
CREATE TABLE entries (
    bot_id      TEXT    NOT NULL,
    client_id   TEXT    NOT NULL,
    seq         INTEGER NOT NULL CHECK (seq > 0),
    kind        TEXT    NOT NULL,
    points      INTEGER NOT NULL,
    available   INTEGER NOT NULL CHECK (available BETWEEN 0 AND 9007199254740991),
    at          INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    reason      TEXT,
    metadata    TEXT,
    refers_to   INTEGER,
    active_from INTEGER,
    expires_at  INTEGER,
    hash        BLOB    NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (bot_id, client_id, seq)
) STRICT, WITHOUT ROWID;

-- What was reversed of an entry so far.
CREATE INDEX entries_reversals ON entries (bot_id, client_id, refers_to) WHERE kind = 'reverse';

-- Allocations: which lots an entry touched, and by how much.
CREATE TABLE entry_lots (
    bot_id    TEXT    NOT NULL,
    client_id TEXT    NOT NULL,
    seq       INTEGER NOT NULL,
    lot_id    INTEGER NOT NULL,
    points    INTEGER NOT NULL CHECK (points <> 0),
    PRIMARY KEY (bot_id, client_id, seq, lot_id)
) STRICT, WITHOUT ROWID;

-- Idempotency: what a key was used for, and what was answered.
CREATE TABLE operations (
    bot_id       TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    request_hash BLOB    NOT NULL CHECK (length(request_hash) = 32),
    answer       BLOB    NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (bot_id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX operations_age ON operations (bot_id, created_at);
