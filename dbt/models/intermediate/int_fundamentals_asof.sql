-- What was known of an issuer's figures after each filing: one row a filing moment, never a later vintage.
-- A trailing sum needs four quarters within 300 days, so that a hole in the filings gives null, not a short sum.
{% set stocks = ["book_equity", "total_assets", "total_debt", "shares_outstanding"] %}
{% set flows = ["net_income", "revenue", "gross_profit", "operating_cash_flow"] %}
with filings as (
    select distinct instrument_id, available_at as known_at from {{ ref("stg_fundamentals") }}
),
vintages as (
    select
        filings.instrument_id, filings.known_at, facts.metric, facts.period_end, facts.value,
        row_number() over (
            partition by filings.instrument_id, filings.known_at, facts.metric, facts.period_end
            order by facts.available_at desc
        ) as vintage
    from filings
    join {{ ref("stg_fundamentals") }} as facts
        on facts.instrument_id = filings.instrument_id and facts.available_at <= filings.known_at
),
aged as (
    select
        instrument_id, known_at, metric, period_end, value,
        row_number() over (partition by instrument_id, known_at, metric order by period_end desc) as age
    from vintages
    where vintage = 1
)
select
    instrument_id,
    known_at,
    {% for metric in stocks %}
    max(value) filter (where metric = '{{ metric }}' and age = 1) as {{ metric }},
    {% endfor %}
    {% for metric in flows %}
    case
        when count(*) filter (where metric = '{{ metric }}' and age <= 4) = 4
            and max(period_end) filter (where metric = '{{ metric }}' and age <= 4)
              - min(period_end) filter (where metric = '{{ metric }}' and age <= 4) <= 300
        then sum(value) filter (where metric = '{{ metric }}' and age <= 4)
    end as {{ metric }}_ttm{{ "," if not loop.last }}
    {% endfor %}
from aged
group by instrument_id, known_at
