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
)
select
    priced.*,
    (priced.adj_high + priced.adj_low + priced.adj_close) / 3 as vwap,
    priced.raw_close * priced.raw_volume as amount,
    priced.adj_close / lag(priced.adj_close) over by_instrument - 1 as returns,
    priced.raw_close * facts.shares_outstanding as market_cap,
    facts.shares_outstanding, facts.book_equity, facts.total_assets, facts.total_debt,
    facts.net_income_ttm, facts.revenue_ttm, facts.gross_profit_ttm, facts.operating_cash_flow_ttm,
    coalesce(dividends.per_share, 0) * facts.shares_outstanding as dividends_ttm
from priced
asof left join {{ ref("int_fundamentals_asof") }} as facts
    on facts.instrument_id = priced.instrument_id and priced.available_at >= facts.known_at
left join dividends
    on dividends.instrument_id = priced.instrument_id and dividends.session = priced.session
window by_instrument as (partition by priced.instrument_id order by priced.session)
order by priced.session, priced.instrument_id
