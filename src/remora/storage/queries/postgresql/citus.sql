-- name: citus_version
-- The version of the Citus extension, where it is installed. The statements that follow need it.
SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'citus';

-- name: citus_group
-- The group of the node that answers: 0 is the coordinator's.
SELECT groupid FROM pg_dist_local_group;

-- name: citus_holders
-- How many nodes may hold shards.
SELECT count(*) FROM pg_dist_node WHERE isactive AND noderole = 'primary' AND shouldhaveshards;

-- name: citus_placement
-- How a table is distributed, if it is: Citus' letters for method and replication, the column, the co-location group.
SELECT CAST(partmethod AS text), CAST(repmodel AS text), column_to_column_name(logicalrelid, partkey), colocationid
FROM pg_dist_partition WHERE logicalrelid = to_regclass(:relation);

-- name: citus_distribute
-- Spreads a table's rows over the nodes by bot, beside those of a group of tables ('none': beside no others).
SELECT create_distributed_table(CAST(:relation AS regclass), 'bot_id', colocate_with => CAST(:beside AS text));

-- name: citus_replicate
-- Keeps a whole copy of a table on every node.
SELECT create_reference_table(CAST(:relation AS regclass));

-- name: citus_left_behind
-- How many bytes of a table are still in the coordinator's own copy, from before it was distributed.
SELECT pg_relation_size(CAST(:relation AS regclass));

-- name: citus_clear
-- Empties that copy, which nobody reads any more.
SELECT truncate_local_data_after_distributing_table(CAST(:relation AS regclass));
