-- A trailing sum stands on four periods or more whose figures were filed by then: a hole gives null, not a short sum.
select sums.instrument_id, sums.known_at
from {{ ref("int_fundamentals_asof") }} as sums
where sums.revenue_ttm is not null
  and (
      select count(distinct facts.period_end) from {{ ref("stg_fundamentals") }} as facts
      where facts.instrument_id = sums.instrument_id
        and facts.metric = 'revenue'
        and facts.available_at <= sums.known_at
  ) < 4
