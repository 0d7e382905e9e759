-- Bots and their credentials, clients, and the ledger: the same tables as the embedded store's.
--
-- Every table but the first two is keyed by bot_id first, so that it can be distributed by bot. There are
-- no foreign keys: each insert would lock the bot's row, and `verify` checks more than they do.
-- Instants are UTC microseconds; 9223372036854775807 is "never". Points are whole.
-- Ids sort by their bytes (COLLATE "C"), as in the embedded store: pages of both come in one order.
-- Rows whose counters change leave room in their page, so that an update need not touch the indexes.

CREATE TABLE schema_migrations (
    number     bigint PRIMARY KEY,
    name       text   NOT NULL,
    digest     text   NOT NULL,
    applied_at bigint NOT NULL
);

-- What belongs to the installation as a whole: the salt of encoded ids, the signing key. Read at start only.
CREATE TABLE installation (
    name  text PRIMARY KEY,
    value text NOT NULL
);

CREATE TABLE bots (
    bot_id             text    COLLATE "C" PRIMARY KEY,
    name               text    NOT NULL,
    api_enabled        boolean NOT NULL,
    overlap_minutes    bigint  NOT NULL CHECK (overlap_minutes BETWEEN 0 AND 1440),
    expiry_policy      text    NOT NULL,
    time_zone          text    NOT NULL,
    last_client_number bigint  NOT NULL CHECK (last_client_number >= 0),
    created_at         bigint  NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE credentials (
    bot_id        text   COLLATE "C" NOT NULL,
    token_id      text   COLLATE "C" NOT NULL,
    secret_digest bytea  NOT NULL CHECK (length(secret_digest) = 32),
    created_at    bigint NOT NULL,
    expires_at    bigint NOT NULL,
    valid_until   bigint NOT NULL,
    PRIMARY KEY (bot_id, token_id)
);

-- A bot has one current pair.
CREATE UNIQUE INDEX credentials_current ON credentials (bot_id) WHERE valid_until = 9223372036854775807;

CREATE TABLE clients (
    bot_id             text   COLLATE "C" NOT NULL,
    client_id          text   COLLATE "C" NOT NULL,
    platform           text   COLLATE "C" NOT NULL
                              CHECK (platform IN ('line', 'facebook', 'instagram', 'liveChat', 'whatsapp')),
    platform_client_id text   COLLATE "C" NOT NULL,
    available          bigint NOT NULL CHECK (available BETWEEN 0 AND 9007199254740991),
    held               bigint NOT NULL CHECK (held BETWEEN 0 AND 9007199254740991),
    next_due_at        bigint NOT NULL,
    seq                bigint NOT NULL CHECK (seq >= 0),
    head_hash          bytea  NOT NULL CHECK (length(head_hash) = 32),
    settled_at         bigint NOT NULL,
    created_at         bigint NOT NULL,
    PRIMARY KEY (bot_id, client_id)
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX clients_platform ON clients (bot_id, platform, platform_client_id);

-- What `tidy` has to do, and nothing else.
CREATE INDEX clients_due ON clients (bot_id, next_due_at) WHERE next_due_at < 9223372036854775807;

-- A lot is named by the seq of the entry that made it.
CREATE TABLE lots (
    bot_id      text   COLLATE "C" NOT NULL,
    client_id   text   COLLATE "C" NOT NULL,
    lot_id      bigint NOT NULL,
    points      bigint NOT NULL CHECK (points > 0),
    remaining   bigint NOT NULL CHECK (remaining BETWEEN 0 AND points),
    held        bigint NOT NULL CHECK (held BETWEEN 0 AND remaining),
    active_from bigint NOT NULL,
    expires_at  bigint NOT NULL CHECK (expires_at > active_from),
    PRIMARY KEY (bot_id, client_id, lot_id)
) WITH (fillfactor = 80);

-- A client's history grows and its open lots do not: reading a balance must not walk the spent ones.
CREATE INDEX lots_open ON lots (bot_id, client_id, expires_at, lot_id) WHERE remaining > 0;

-- A hold is named by the seq of the entry that made it, whose allocations say which lots it holds points of.
CREATE TABLE holds (
    bot_id     text   COLLATE "C" NOT NULL,
    client_id  text   COLLATE "C" NOT NULL,
    hold_id    bigint NOT NULL,
    points     bigint NOT NULL CHECK (points > 0),
    expires_at bigint NOT NULL,
    status     text   COLLATE "C" NOT NULL CHECK (status IN ('open', 'captured', 'released', 'timedOut')),
    PRIMARY KEY (bot_id, client_id, hold_id)
);

CREATE INDEX holds_open ON holds (bot_id, client_id, hold_id) WHERE status = 'open';

-- refers_to: the hold that a capture, release or timeout ends; the entry that a reversal reverses.
-- active_from, expires_at: of the lot that a grant makes; expires_at also of a hold.
CREATE TABLE entries (
    bot_id      text   COLLATE "C" NOT NULL,
    client_id   text   COLLATE "C" NOT NULL,
    seq         bigint NOT NULL CHECK (seq > 0),
    kind        text   COLLATE "C" NOT NULL,
    points      bigint NOT NULL,
    available   bigint NOT NULL CHECK (available BETWEEN 0 AND 9007199254740991),
    at          bigint NOT NULL,
    recorded_at bigint NOT NULL,
    reason      text,
    metadata    text,
    refers_to   bigint,
    active_from bigint,
    expires_at  bigint,
    hash        bytea  NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (bot_id, client_id, seq)
);

-- What was reversed of an entry so far.
CREATE INDEX entries_reversals ON entries (bot_id, client_id, refers_to) WHERE kind = 'reverse';

-- Allocations: which lots an entry touched, and by how much.
CREATE TABLE entry_lots (
    bot_id    text   COLLATE "C" NOT NULL,
    client_id text   COLLATE "C" NOT NULL,
    seq       bigint NOT NULL,
    lot_id    bigint NOT NULL,
    points    bigint NOT NULL CHECK (points <> 0),
    PRIMARY KEY (bot_id, client_id, seq, lot_id)
);

-- Idempotency: what a key was used for, and what was answered.
CREATE TABLE operations (
    bot_id       text   COLLATE "C" NOT NULL,
    key          text   COLLATE "C" NOT NULL,
    request_hash bytea  NOT NULL CHECK (length(request_hash) = 32),
    answer       bytea  NOT NULL,
    created_at   bigint NOT NULL,
    PRIMARY KEY (bot_id, key)
);

CREATE INDEX operations_age ON operations (bot_id, created_at);
