-- What was imported: each import, and which entry each of its rows has made, so that the same file changes nothing, and
-- what it granted can be found again and taken back.

-- import_id: of the bot and of what the file says. Instants are NEVER until they have come.
CREATE TABLE imports (
    bot_id        text   COLLATE "C" NOT NULL,
    import_id     text   COLLATE "C" NOT NULL,
    name          text   NOT NULL,
    row_count     bigint NOT NULL CHECK (row_count >= 0),
    began_at      bigint NOT NULL,
    finished_at   bigint NOT NULL,
    undo_began_at bigint NOT NULL,
    undone_at     bigint NOT NULL,
    clients_made  bigint NOT NULL CHECK (clients_made >= 0),
    grants        bigint NOT NULL CHECK (grants >= 0),
    points        bigint NOT NULL CHECK (points >= 0),
    taken         bigint NOT NULL CHECK (taken >= 0),
    lacking       bigint NOT NULL CHECK (lacking >= 0),
    PRIMARY KEY (bot_id, import_id)
) WITH (fillfactor = 50);

-- Rows that were granted: number counts the file's rows from 1, line is where it began, seq names the entry. taken and
-- lacking are what the undoing took back and what it could not; NULL until then.
CREATE TABLE import_rows (
    bot_id    text   COLLATE "C" NOT NULL,
    import_id text   COLLATE "C" NOT NULL,
    number    bigint NOT NULL CHECK (number > 0),
    line      bigint NOT NULL CHECK (line > 0),
    client_id text   COLLATE "C" NOT NULL,
    seq       bigint NOT NULL CHECK (seq > 0),
    points    bigint NOT NULL CHECK (points > 0),
    taken     bigint CHECK (taken BETWEEN 0 AND points),
    lacking   bigint CHECK (lacking BETWEEN 0 AND points),
    PRIMARY KEY (bot_id, import_id, number)
) WITH (fillfactor = 80);

-- What imports have given a client, and not taken back.
CREATE INDEX import_rows_client ON import_rows (bot_id, client_id) WHERE taken IS NULL;
