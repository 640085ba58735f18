-- One row an instrument and session: prices, the sector of that day, and the figures known after its close.
{% set figures = [
    "book_equity", "total_assets", "total_debt",
    "net_income_ttm", "revenue_ttm", "gross_profit_ttm", "operating_cash_flow_ttm",
] %}
{% set bars = [
    "instrument_id", "session", "event_time", "available_at", "currency",
    "raw_open", "raw_high", "raw_low", "raw_close", "raw_volume",
    "adj_open", "adj_high", "adj_low", "adj_close", "adj_volume",
] %}
{% set names = ["label", "issuer_id", "sector", "lot", "delisted_on"] %}
with dividends as (
    select prices.instrument_id, prices.session, sum(dividends.amount) as per_share
    from {{ ref("stg_prices") }} as prices
    join {{ ref("stg_dividends") }} as dividends
        on dividends.instrument_id = prices.instrument_id
        and dividends.ex_date > prices.session - 365
        and dividends.ex_date <= prices.session
        and dividends.available_at <= prices.available_at
    group by prices.instrument_id, prices.session
),
-- Each filing from its moment until the next one's.
filings as (
    select facts.*, lead(known_at) over (partition by instrument_id order by known_at) as until
    from {{ ref("int_fundamentals_asof") }} as facts
),
splits as (
    select
        instrument_id, available_at, split_factor,
        lead(available_at) over (partition by instrument_id order by available_at) as until
    from {{ ref("stg_prices") }}
),
-- Shares were counted before the splits since their filing; the ratio of the split factors brings them to today's.
filed as (
    select filings.*, splits.split_factor as split_factor_then
    from filings
    left join splits
        on splits.instrument_id = filings.instrument_id
        and filings.known_at >= splits.available_at
        and (splits.until is null or filings.known_at < splits.until)
),
valued as (
    select
        {% for column in bars %}prices.{{ column }}, {% endfor %}
        {% for column in names %}instruments.{{ column }}, {% endfor %}
        instruments.last_price as delisting_price,
        {% for column in figures %}facts.{{ column }}, {% endfor %}
        facts.shares_outstanding * prices.split_factor / coalesce(facts.split_factor_then, 1) as shares_outstanding
    from {{ ref("stg_prices") }} as prices
    join {{ ref("stg_instruments") }} as instruments
        on instruments.instrument_id = prices.instrument_id
        and prices.session >= instruments.valid_from
        and prices.session <= instruments.valid_to
    left join filed as facts
        on facts.instrument_id = prices.instrument_id
        and prices.available_at >= facts.known_at
        and (facts.until is null or prices.available_at < facts.until)
)
select
    valued.*,
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
