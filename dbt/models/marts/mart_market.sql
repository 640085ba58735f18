-- The market around the prices: each index, volatility index, rate and exchange rate as known after each session's
-- close. A value is carried for ten days at most and says how old it is; after that it is null, not carried on.
with moments as (
    select session, max(available_at) as known_at from {{ ref("stg_prices") }} group by session
),
names as (
    select series, min(session) as begins from {{ ref("stg_series") }} group by series
),
held as (
    select
        moments.session, stated.series, stated.value, stated.unit, stated.session as observed_on,
        row_number() over (partition by moments.session, stated.series order by stated.session desc) as age
    from moments
    join {{ ref("stg_series") }} as stated
        on stated.session <= moments.session
        and stated.session >= moments.session - 10
        and stated.available_at <= moments.known_at
)
select
    names.series, moments.session, moments.known_at, held.value, held.unit, held.observed_on,
    moments.session - held.observed_on as age_days
from moments
join names on moments.session >= names.begins
left join held on held.session = moments.session and held.series = names.series and held.age = 1
order by moments.session, names.series
