-- What was written down in a span of time, for the reports of the console. Entries come in this order, so that the index
-- grows at its end.

CREATE INDEX entries_recorded ON entries (bot_id, recorded_at);
