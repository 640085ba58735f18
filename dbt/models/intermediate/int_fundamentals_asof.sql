-- What was known of an issuer's figures after each filing: one row a filing moment, never a later vintage.
-- Trailing sums follow dnalyaw.market.fundamentals.trailing_sums: where a first day is known, a year that ends last, else
-- the year before + this year's part - the same part a year ago, else four quarters end to end; inputs that may not belong
-- together (one restated after another, never restated, was last said) give null. Without first days the last four ends are
-- quarters, within 300 days, so that a hole in the filings gives null, not a short sum.
{% set stocks = ["book_equity", "total_assets", "total_debt", "shares_outstanding"] %}
{% set flows = ["net_income", "revenue", "gross_profit", "operating_cash_flow"] %}
{% set key = ["instrument_id", "known_at", "metric", "unit"] %}
with filings as (
    select distinct instrument_id, available_at as known_at from {{ ref("stg_fundamentals") }}
),
facts as (
    select
        instrument_id, metric, unit, period_start, period_end, value, available_at,
        case when value <> lag(value) over (
            partition by instrument_id, metric, period_start, period_end order by available_at
        ) then available_at end as changed_at
    from {{ ref("stg_fundamentals") }}
),
vintages as (
    select
        filings.instrument_id, filings.known_at, facts.metric, facts.period_start, facts.period_end,
        facts.value, facts.unit, facts.available_at as said_at,
        max(facts.changed_at) over figure as changed_at,
        row_number() over (figure order by facts.available_at desc, facts.unit, facts.value) as vintage
    from filings
    join facts on facts.instrument_id = filings.instrument_id and facts.available_at <= filings.known_at
    window figure as (
        partition by
            filings.instrument_id, filings.known_at, facts.metric, facts.period_start, facts.period_end
    )
),
known as (
    select instrument_id, known_at, metric, period_start, period_end, value, unit, said_at, changed_at
    from vintages
    where vintage = 1
),
ends as (
    select
        instrument_id, known_at, metric,
        max(period_end) filter (where period_start is not null) as dated_end
    from known
    group by instrument_id, known_at, metric
),
spans as (
    select
        *,
        case
            when period_end - period_start + 1 between 80 and 100 then 'quarter'
            when period_end - period_start + 1 between 170 and 192 then 'half'
            when period_end - period_start + 1 between 260 and 285 then 'nine_months'
            when period_end - period_start + 1 between 350 and 373 then 'year'
        end as duration
    from known
    where period_start is not null
),
-- Quarters as filed, and what follows from longer periods that began on the same day.
quarters_by_rank as (
    select
        found.*,
        row_number() over (
            partition by {{ key | join(", ") }}, period_end order by rank, said_at, period_start
        ) as place
    from (
        select {{ key | join(", ") }}, period_start, period_end, value, said_at, false as mixed, 0 as rank
        from spans where duration = 'quarter'
        union all
        select
            whole.instrument_id, whole.known_at, whole.metric, whole.unit,
            part.period_end + 1, whole.period_end, whole.value - part.value, greatest(whole.said_at, part.said_at),
            {{ mixed_bases(["whole", "part"]) }},
            case whole.duration when 'half' then 1 when 'nine_months' then 2 else 3 end
        from spans as whole
        join spans as part
            on {{ same_figures("whole", "part") }} and part.period_start = whole.period_start
            and (whole.duration, part.duration) in (('half', 'quarter'), ('nine_months', 'half'), ('year', 'nine_months'))
        where whole.period_end - part.period_end between 80 and 100
        union all
        select
            whole.instrument_id, whole.known_at, whole.metric, whole.unit,
            q3.period_end + 1, whole.period_end, whole.value - q1.value - q2.value - q3.value,
            greatest(whole.said_at, q1.said_at, q2.said_at, q3.said_at),
            {{ mixed_bases(["whole", "q1", "q2", "q3"]) }}, 4
        from spans as whole
        join spans as q1
            on {{ same_figures("whole", "q1") }} and q1.duration = 'quarter' and q1.period_start = whole.period_start
        join spans as q2
            on {{ same_figures("whole", "q2") }} and q2.duration = 'quarter' and q2.period_start = q1.period_end + 1
        join spans as q3
            on {{ same_figures("whole", "q3") }} and q3.duration = 'quarter' and q3.period_start = q2.period_end + 1
        where whole.duration = 'year' and whole.period_end - q3.period_end between 80 and 100
    ) as found
),
quarters as (
    select {{ key | join(", ") }}, period_start, period_end, value, said_at, mixed
    from quarters_by_rank
    where place = 1
),
sums as (
    select {{ key | join(", ") }}, period_end, value, said_at, false as mixed, 1 as rank
    from spans where duration = 'year'
    union all
    select
        part.instrument_id, part.known_at, part.metric, part.unit, part.period_end,
        whole.value + part.value - before.value, greatest(whole.said_at, part.said_at, before.said_at),
        {{ mixed_bases(["whole", "part", "before"]) }}, 2
    from spans as part
    join spans as whole
        on {{ same_figures("part", "whole") }} and whole.duration = 'year' and whole.period_end = part.period_start - 1
    join spans as before
        on {{ same_figures("part", "before") }} and before.duration = part.duration
        and before.period_start = whole.period_start
    where part.duration <> 'year' and part.period_end - before.period_end between 350 and 373
    union all
    select
        q4.instrument_id, q4.known_at, q4.metric, q4.unit, q4.period_end,
        q1.value + q2.value + q3.value + q4.value, greatest(q1.said_at, q2.said_at, q3.said_at, q4.said_at),
        q1.mixed or q2.mixed or q3.mixed or q4.mixed, 3
    from quarters as q4
    join quarters as q3 on {{ same_figures("q4", "q3") }} and q3.period_end = q4.period_start - 1
    join quarters as q2 on {{ same_figures("q4", "q2") }} and q2.period_end = q3.period_start - 1
    join quarters as q1 on {{ same_figures("q4", "q1") }} and q1.period_end = q2.period_start - 1
),
dated_by_rank as (
    select
        ends.instrument_id, ends.known_at, ends.metric, sums.value,
        row_number() over (
            partition by ends.instrument_id, ends.known_at, ends.metric order by sums.rank, sums.said_at, sums.unit
        ) as place
    from ends
    join sums
        on sums.instrument_id = ends.instrument_id and sums.known_at = ends.known_at
        and sums.metric = ends.metric and sums.period_end = ends.dated_end
    where not sums.mixed
),
dated as (
    select instrument_id, known_at, metric, value from dated_by_rank where place = 1
),
aged as (
    select
        known.*, ends.dated_end is not null as is_dated,
        row_number() over (
            partition by known.instrument_id, known.known_at, known.metric
            order by known.period_end desc, known.period_start nulls first
        ) as age
    from known
    join ends
        on ends.instrument_id = known.instrument_id and ends.known_at = known.known_at
        and ends.metric = known.metric
),
blind as (
    select instrument_id, known_at, metric, sum(value) as value
    from aged
    where not is_dated and age <= 4
    group by instrument_id, known_at, metric
    having count(*) = 4 and max(period_end) - min(period_end) <= 300 and count(distinct unit) = 1
),
stocks as (
    select
        instrument_id, known_at
        {% for metric in stocks %}
        , max(value) filter (where metric = '{{ metric }}' and age = 1) as {{ metric }}
        {% endfor %}
    from aged
    group by instrument_id, known_at
),
flows as (
    select
        instrument_id, known_at
        {% for metric in flows %}
        , max(value) filter (where metric = '{{ metric }}') as {{ metric }}_ttm
        {% endfor %}
    from (select * from dated union all select * from blind) as found
    group by instrument_id, known_at
)
select
    stocks.instrument_id,
    stocks.known_at,
    {% for metric in stocks %}
    stocks.{{ metric }},
    {% endfor %}
    {% for metric in flows %}
    flows.{{ metric }}_ttm{{ "," if not loop.last }}
    {% endfor %}
from stocks
left join flows on flows.instrument_id = stocks.instrument_id and flows.known_at = stocks.known_at
