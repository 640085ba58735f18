-- Where TimescaleDB is there, audit.events is a hypertable. It is cut by seq and not by time, so that (writer, seq) stays
-- its primary key: cut by time, one row could stand in two chunks.
select create_hypertable('audit.events', 'seq', chunk_time_interval => 5000000::bigint, create_default_indexes => false);
