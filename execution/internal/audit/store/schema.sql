-- The audit schema. Every statement can be run again; all of it runs in one transaction, under a lock.
-- Run by the role that is to own it; nobody else logs in as that role afterwards.

-- What may be done with the table is a role without a login; who does it is a login that owns nothing.
do $$
begin
    if not exists (select from pg_roles where rolname = 'audit_append') then
        create role audit_append nologin;
    end if;
    if not exists (select from pg_roles where rolname = 'audit_writer') then
        create role audit_writer login;
        grant audit_append to audit_writer;
    end if;
end
$$;

create schema if not exists audit;
revoke all on schema audit from public;
grant usage on schema audit to audit_append;

-- A row is one record of a writer's journal. body is json and not jsonb: it keeps the record's bytes as they are, and the
-- hash is over them. What is no JSON is in raw. 0 and '' say that a record names none.
create table if not exists audit.events (
    writer        text        not null,
    seq           bigint      not null check (seq > 0),
    ts_ns         bigint      not null,
    kind          text        not null,
    order_id      numeric(20) not null check (order_id >= 0),
    instrument_id bigint      not null,
    correlation   text        not null,
    body          json,
    raw           bytea,
    prev_hash     bytea       not null check (length(prev_hash) = 32),
    hash          bytea       not null check (length(hash) = 32),
    inserted_at   timestamptz not null default clock_timestamp(),
    primary key (writer, seq),
    check (num_nonnulls(body, raw) = 1)
);
create index if not exists events_order on audit.events (order_id) where order_id <> 0;
create index if not exists events_correlation on audit.events (correlation) where correlation <> '';
create index if not exists events_time on audit.events using brin (ts_ns);

-- The last row of every writer, kept by the trigger below: writers cannot change it.
create table if not exists audit.heads (
    writer text   primary key,
    seq    bigint not null,
    hash   bytea  not null
);

-- A row's canonical bytes, for one who checks hashes here: hash = sha256(prev_hash || audit.canonical(...)).
-- internal/audit/chain.go has the same in Go. Without a search path of its own it is taken into the statement that calls it.
create or replace function audit.canonical(writer text, seq bigint, ts_ns bigint, kind text, order_id numeric,
    instrument_id bigint, correlation text, body json, raw bytea) returns bytea
language sql stable parallel safe as $$
    select convert_to(
        writer || E'\n' || seq || E'\n' || ts_ns || E'\n' || kind || E'\n' || order_id || E'\n' || instrument_id || E'\n'
        || correlation || case when body is null then E'\nraw\n' else E'\njson\n' || body::text end, 'UTF8')
        || coalesce(raw, ''::bytea)
$$;

-- Nothing is changed and nothing goes, whoever asks.
create or replace function audit.refuse() returns trigger
language plpgsql set search_path = pg_catalog as $$
begin
    raise exception '% on %.%: the audit trail only grows', tg_op, tg_table_schema, tg_table_name
        using errcode = 'AU002';
end
$$;
create or replace trigger refuse_change before update or delete on audit.events
    for each row execute function audit.refuse();
create or replace trigger refuse_truncate before truncate on audit.events
    for each statement execute function audit.refuse();
create or replace trigger refuse_removal before delete on audit.heads
    for each row execute function audit.refuse();
create or replace trigger refuse_truncate before truncate on audit.heads
    for each statement execute function audit.refuse();

-- Rows go on where the writer's chain ends, or none of the statement's rows is taken. The head's lock makes a second shipper
-- wait, and then its rows no longer go on. That a row's hash is that of its content is not looked at here, which would halve
-- the rate: the shipper and auditd verify do.
create or replace function audit.continue_chain() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    name text;
    head audit.heads;
    bad  record;
begin
    for name in select distinct writer from added order by writer loop
        insert into audit.heads values (name, 0, decode(repeat('00', 32), 'hex')) on conflict do nothing;
        select * into head from audit.heads h where h.writer = name for update;
        select * into bad from (
            select a.seq, a.seq - lag(a.seq, 1, head.seq) over o <> 1 as gap,
                a.prev_hash <> lag(a.hash, 1, head.hash) over o as fork
            from added a where a.writer = name window o as (order by a.seq)
        ) checked where gap or fork order by seq limit 1;
        if found then
            raise exception 'row % of % does not go on after row %: %', bad.seq, name, head.seq,
                case when bad.gap then 'its number' else 'its prev_hash' end
                using errcode = 'AU001';
        end if;
        update audit.heads h set (seq, hash) =
            (select a.seq, a.hash from added a where a.writer = name order by a.seq desc limit 1)
            where h.writer = name;
    end loop;
    return null;
end
$$;
create or replace trigger continue_chain after insert on audit.events
    referencing new table as added for each statement execute function audit.continue_chain();

-- Who reads: an order's life, the decisions with their metrics, fills with the correlation id of what they came from. An
-- order id is unique within a region; riskd decides once on every order, and its decision names the correlation id.
create or replace view audit.order_life as
    select split_part(writer, '-', 2) as region, order_id, ts_ns, writer, seq, kind, instrument_id, correlation, body, raw
    from audit.events where order_id <> 0;
create or replace view audit.decisions as
    select split_part(writer, '-', 2) as region, order_id, ts_ns, seq, kind, instrument_id, correlation,
        (body ->> 'decision')::int as decision, (body ->> 'reason')::int as reason,
        (body -> 'order' ->> 'side')::int as side, (body -> 'order' ->> 'quantity')::bigint as quantity,
        (body ->> 'approved_quantity')::bigint as approved_quantity, (body ->> 'equity')::bigint as equity,
        (body ->> 'worst_case')::bigint as worst_case, (body ->> 'binding_limit')::bigint as binding_limit,
        body -> 'metrics' as metrics
    from audit.events where kind in ('decision', 'refusal') and writer like 'riskd-%' and order_id <> 0;
create or replace view audit.fills as
    select d.correlation, split_part(f.writer, '-', 2) as region, f.order_id, d.instrument_id, f.ts_ns, f.seq,
        (d.body -> 'order' ->> 'side')::int as side, (f.body ->> 'last_quantity')::bigint as quantity,
        (f.body ->> 'last_price')::bigint as price, (f.body ->> 'fee')::bigint as fee, f.body ->> 'exec_id' as exec_id
    from audit.events f
    join audit.events d on d.order_id = f.order_id and d.writer = f.writer and d.kind = 'decision' and d.order_id <> 0
    where f.kind = 'exec' and f.writer like 'riskd-%' and f.order_id <> 0 and (f.body ->> 'last_quantity')::bigint <> 0;
create or replace view audit.writers as
    select h.writer, h.seq, encode(h.hash, 'hex') as hash, e.ts_ns, e.inserted_at
    from audit.heads h left join audit.events e using (writer, seq);

revoke all on all tables in schema audit from public, audit_append, audit_writer;
grant select on all tables in schema audit to audit_append;
grant insert (writer, seq, ts_ns, kind, order_id, instrument_id, correlation, body, raw, prev_hash, hash)
    on audit.events to audit_append;
revoke all on all functions in schema audit from public;
grant execute on function audit.canonical to audit_append;
