-- A join that fans out, or loses bars, would change every factor: the panel has the keys of the prices, once each.
select instrument_id, session, count(*) as n
from {{ ref("mart_factor_panel") }}
group by instrument_id, session
having count(*) > 1
union all
select instrument_id, session, 0 as n
from {{ ref("stg_prices") }} as prices
where not exists (
    select 1 from {{ ref("mart_factor_panel") }} as panel
    where panel.instrument_id = prices.instrument_id and panel.session = prices.session
)
