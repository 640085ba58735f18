-- What borrowing each name cost and how much could be had, as known after each session's close; ten days old at most.
with held as (
    select
        prices.instrument_id, prices.session, stated.fee, stated.available, stated.session as observed_on,
        row_number() over (partition by prices.instrument_id, prices.session order by stated.session desc) as age
    from {{ ref("stg_prices") }} as prices
    join {{ ref("stg_borrow") }} as stated
        on stated.instrument_id = prices.instrument_id
        and stated.session <= prices.session
        and stated.session >= prices.session - 10
        and stated.available_at <= prices.available_at
)
select instrument_id, session, fee, available, observed_on, session - observed_on as age_days
from held
where age = 1
order by session, instrument_id
