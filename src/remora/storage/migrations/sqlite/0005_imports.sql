-- What was imported: each import, and which entry each of its rows has made, so that the same file changes nothing, and
-- what it granted can be found again and taken back.

-- import_id: of the bot and of what the file says. Instants are NEVER until they have come.
CREATE TABLE imports (
    bot_id        TEXT    NOT NULL,
    import_id     TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    row_count     INTEGER NOT NULL CHECK (row_count >= 0),
    began_at      INTEGER NOT NULL,
    finished_at   INTEGER NOT NULL,
    undo_began_at INTEGER NOT NULL,
    undone_at     INTEGER NOT NULL,
    clients_made  INTEGER NOT NULL CHECK (clients_made >= 0),
    grants        INTEGER NOT NULL CHECK (grants >= 0),
    points        INTEGER NOT NULL CHECK (points >= 0),
    taken         INTEGER NOT NULL CHECK (taken >= 0),
    lacking       INTEGER NOT NULL CHECK (lacking >= 0),
    PRIMARY KEY (bot_id, import_id)
) STRICT, WITHOUT ROWID;

-- Rows that were granted: number counts the file's rows from 1, line is where it began, seq names the entry. taken and
-- lacking are what the undoing took back and what it could not; NULL until then.
CREATE TABLE import_rows (
    bot_id    TEXT    NOT NULL,
    import_id TEXT    NOT NULL,
    number    INTEGER NOT NULL CHECK (number > 0),
    line      INTEGER NOT NULL CHECK (line > 0),
    client_id TEXT    NOT NULL,
    seq       INTEGER NOT NULL CHECK (seq > 0),
    points    INTEGER NOT NULL CHECK (points > 0),
    taken     INTEGER CHECK (taken BETWEEN 0 AND points),
    lacking   INTEGER CHECK (lacking BETWEEN 0 AND points),
    PRIMARY KEY (bot_id, import_id, number)
) STRICT, WITHOUT ROWID;

-- What imports have given a client, and not taken back.
CREATE INDEX import_rows_client ON import_rows (bot_id, client_id) WHERE taken IS NULL;
