-- A stand-in for what the Citus extension answers, in a plain database: it notes what it is asked for, and
-- distributes nothing. The real thing is run by tests/storage/test_citus.py, on a real cluster.

INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
VALUES (990016, 'citus', 10, 'pg_catalog'::regnamespace, false, '12.1-1');

CREATE SCHEMA stand_in;

CREATE TABLE stand_in.pg_dist_local_group (groupid int);
INSERT INTO stand_in.pg_dist_local_group VALUES (0);

CREATE TABLE stand_in.pg_dist_node (nodename text, isactive bool, noderole text, shouldhaveshards bool);
INSERT INTO stand_in.pg_dist_node VALUES ('coordinator', true, 'primary', false), ('worker', true, 'primary', true);

CREATE TABLE stand_in.pg_dist_partition (
    logicalrelid regclass PRIMARY KEY, partmethod "char", partkey text, colocationid int, repmodel "char");

CREATE FUNCTION stand_in.column_to_column_name(regclass, text) RETURNS text LANGUAGE sql AS 'SELECT $2';

CREATE FUNCTION stand_in.create_distributed_table(
    table_name regclass, distribution_column text, distribution_type text DEFAULT 'hash',
    colocate_with text DEFAULT 'default') RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    beside int := (SELECT max(colocationid) + 1 FROM stand_in.pg_dist_partition);
BEGIN
    IF table_name::text = current_setting('stand_in.refuses', true) THEN
        RAISE 'connection to the remote node worker:5432 failed';
    END IF;
    IF colocate_with <> 'none' THEN
        SELECT colocationid INTO STRICT beside FROM stand_in.pg_dist_partition
        WHERE logicalrelid = colocate_with::regclass;
    END IF;
    -- A table that Citus merely knows it lets go of by itself.
    DELETE FROM stand_in.pg_dist_partition WHERE logicalrelid = table_name AND partmethod = 'n' AND repmodel = 's';
    INSERT INTO stand_in.pg_dist_partition VALUES (table_name, 'h', distribution_column, beside, 's');
END $$;

CREATE FUNCTION stand_in.create_reference_table(table_name regclass) RETURNS void LANGUAGE sql AS
    $$INSERT INTO stand_in.pg_dist_partition VALUES (table_name, 'n', NULL, 1, 't')$$;

-- Citus keeps the rows on the nodes, and this must not lose them; so the coordinator's own copy is a fiction.
CREATE TABLE stand_in.cleared (logicalrelid regclass);

CREATE FUNCTION stand_in.pg_relation_size(table_name regclass) RETURNS bigint LANGUAGE sql AS $$
    SELECT CASE WHEN table_name IN (SELECT logicalrelid FROM stand_in.cleared) THEN 0
           ELSE pg_catalog.pg_relation_size(table_name) END $$;

CREATE FUNCTION stand_in.truncate_local_data_after_distributing_table(table_name regclass) RETURNS void
    LANGUAGE sql AS 'INSERT INTO stand_in.cleared VALUES ($1)';

DO $$BEGIN
    EXECUTE format('ALTER DATABASE %I SET search_path = public, stand_in, pg_catalog', current_database());
END$$;
