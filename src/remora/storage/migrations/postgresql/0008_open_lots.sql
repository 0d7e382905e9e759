-- The index is of those open lots only whose number is above 64. A client mostly has no others than those up to it, which
-- are read in the order of the primary key; a grant to it then has one index less to write.

DROP INDEX lots_open;

CREATE INDEX lots_open ON lots (bot_id, client_id, expires_at, lot_id) WHERE remaining > 0 AND lot_id > 64;
