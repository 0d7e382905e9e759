-- Imports that are carried out by a server: who asked for what, how far it is, and the files of it.

-- Who has begun an import, and who has taken it back, where it is known.
ALTER TABLE imports ADD COLUMN began_by text;
ALTER TABLE imports ADD COLUMN undone_by text;

-- subject: the upload's id where it is looked at, else the import's. attempt: random, of whoever carries it out now.
-- source: the upload that is run. import_id: NULL until the file was read. told_at: when it was last heard of.
CREATE TABLE import_tasks (
    bot_id    text   COLLATE "C" NOT NULL,
    subject   text   COLLATE "C" NOT NULL,
    kind      text   COLLATE "C" NOT NULL,
    attempt   text   COLLATE "C" NOT NULL,
    source    text   COLLATE "C",
    import_id text   COLLATE "C",
    name      text   NOT NULL,
    operator  text   NOT NULL,
    state     text   COLLATE "C" NOT NULL,
    began_at  bigint NOT NULL,
    told_at   bigint NOT NULL,
    done      bigint NOT NULL CHECK (done >= 0),
    total     bigint NOT NULL CHECK (total >= 0),
    code      bigint,
    problem   text,
    findings  bytea,
    PRIMARY KEY (bot_id, subject, kind)
) WITH (fillfactor = 50);

-- Pieces of files, compressed: of what was uploaded (kind 'file'), and of the report of the task of that kind.
CREATE TABLE import_pieces (
    bot_id  text   COLLATE "C" NOT NULL,
    subject text   COLLATE "C" NOT NULL,
    kind    text   COLLATE "C" NOT NULL,
    number  bigint NOT NULL CHECK (number > 0),
    content bytea  NOT NULL,
    PRIMARY KEY (bot_id, subject, kind, number)
);
