-- The last quote of each name with both sides: what it cost to trade at the end of the last session.
with sided as (
    select
        instrument_id, session, event_time, bid, ask,
        row_number() over (partition by instrument_id, session order by event_time desc) as age
    from {{ ref("stg_quotes") }}
    where bid > 0 and ask > 0 and ask >= bid
)
select
    instrument_id, session, event_time as quoted_at, bid, ask,
    (bid + ask) / 2 as mid,
    (ask - bid) / ((bid + ask) / 2) as relative_spread
from sided
where age = 1
