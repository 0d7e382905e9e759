-- What was written down in a span of time, for the reports of the console. Entries are only ever appended, so they lie on
-- the disk in this order: a block range index is a few pages, and writing an entry does not touch it.

CREATE INDEX entries_recorded ON entries USING brin (recorded_at) WITH (autosummarize = on);
