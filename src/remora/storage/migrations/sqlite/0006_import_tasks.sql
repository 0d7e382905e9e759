-- Imports that are carried out by a server: who asked for what, how far it is, and the files of it.

-- Who has begun an import, and who has taken it back, where it is known.
ALTER TABLE imports ADD COLUMN began_by TEXT;
ALTER TABLE imports ADD COLUMN undone_by TEXT;

-- subject: the upload's id where it is looked at, else the import's. attempt: random, of whoever carries it out now.
-- source: the upload that is run. import_id: NULL until the file was read. told_at: when it was last heard of.
CREATE TABLE import_tasks (
    bot_id    TEXT    NOT NULL,
    subject   TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    attempt   TEXT    NOT NULL,
    source    TEXT,
    import_id TEXT,
    name      TEXT    NOT NULL,
    operator  TEXT    NOT NULL,
    state     TEXT    NOT NULL,
    began_at  INTEGER NOT NULL,
    told_at   INTEGER NOT NULL,
    done      INTEGER NOT NULL CHECK (done >= 0),
    total     INTEGER NOT NULL CHECK (total >= 0),
    code      INTEGER,
    problem   TEXT,
    findings  BLOB,
    PRIMARY KEY (bot_id, subject, kind)
) STRICT, WITHOUT ROWID;

-- Pieces of files, compressed: of what was uploaded (kind 'file'), and of the report of the task of that kind.
CREATE TABLE import_pieces (
    bot_id  TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    kind    TEXT    NOT NULL,
    number  INTEGER NOT NULL CHECK (number > 0),
    content BLOB    NOT NULL,
    PRIMARY KEY (bot_id, subject, kind, number)
) STRICT;
