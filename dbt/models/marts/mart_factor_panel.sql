-- One row an instrument and session: prices, the sector of that day, and the figures known after its close.
with dividends as (
    select prices.instrument_id, prices.session, sum(dividends.amount) as per_share
    from {{ ref("stg_prices") }} as prices
    join {{ ref("stg_dividends") }} as dividends
        on dividends.instrument_id = prices.instrument_id
        and dividends.ex_date > prices.session - interval 365 day
        and dividends.ex_date <= prices.session
        and dividends.available_at <= prices.available_at
    group by all
),
priced as (
    select
        prices.*,
        instruments.label, instruments.issuer_id, instruments.sector, instruments.lot,
        instruments.delisted_on, instruments.last_price as delisting_price
    from {{ ref("stg_prices") }} as prices
    join {{ ref("stg_instruments") }} as instruments
        on instruments.instrument_id = prices.instrument_id
        and prices.session >= instruments.valid_from
        and prices.session <= instruments.valid_to
),
-- Shares were counted before the splits since their filing; the ratio of the split factors brings them to today's.
filed as (
    select facts.*, prices.split_factor as split_factor_then
    from {{ ref("int_fundamentals_asof") }} as facts
    asof left join {{ ref("stg_prices") }} as prices
        on prices.instrument_id = facts.instrument_id and facts.known_at >= prices.available_at
),
valued as (
    select
        priced.*, facts.* exclude (instrument_id, known_at, shares_outstanding, split_factor_then),
        facts.shares_outstanding * priced.split_factor / coalesce(facts.split_factor_then, 1) as shares_outstanding
    from priced
    asof left join filed as facts
        on facts.instrument_id = priced.instrument_id and priced.available_at >= facts.known_at
)
select
    valued.* exclude (split_factor),
    (valued.adj_high + valued.adj_low + valued.adj_close) / 3 as vwap,
    valued.raw_close * valued.raw_volume as amount,
    valued.adj_close / lag(valued.adj_close) over by_instrument - 1 as returns,
    valued.raw_close * valued.shares_outstanding as market_cap,
    coalesce(dividends.per_share, 0) * valued.shares_outstanding as dividends_ttm
from valued
left join dividends
    on dividends.instrument_id = valued.instrument_id and dividends.session = valued.session
window by_instrument as (partition by valued.instrument_id order by valued.session)
order by valued.session, valued.instrument_id
