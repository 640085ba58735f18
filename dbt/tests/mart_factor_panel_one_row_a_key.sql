-- A join that fans out, or loses bars, would change every factor: the panel has the keys of the prices, once each.
select instrument_id, session, count(*) as n
from {{ ref("mart_factor_panel") }}
group by all
having count(*) > 1
union all
select instrument_id, session, 0 as n
from {{ ref("stg_prices") }}
anti join {{ ref("mart_factor_panel") }} using (instrument_id, session)
