-- A trailing sum stands on a year's figure or on four periods or more, filed by then: a hole gives null, not a short sum.
select sums.instrument_id, sums.known_at
from {{ ref("int_fundamentals_asof") }} as sums
where sums.revenue_ttm is not null
  and (
      select count(distinct facts.period_end) + 4 * count(case when facts.period_end - facts.period_start > 340 then 1 end)
      from {{ ref("stg_fundamentals") }} as facts
      where facts.instrument_id = sums.instrument_id
        and facts.metric = 'revenue'
        and facts.available_at <= sums.known_at
  ) < 4
