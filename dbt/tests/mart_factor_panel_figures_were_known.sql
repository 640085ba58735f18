-- A figure in the panel was filed before the moment its row was known at, whatever join brought it there.
select panel.instrument_id, panel.session, panel.revenue_ttm
from {{ ref("mart_factor_panel") }} as panel
where panel.revenue_ttm is not null
  and not exists (
      select 1 from {{ ref("int_fundamentals_asof") }} as facts
      where facts.instrument_id = panel.instrument_id
        and facts.revenue_ttm = panel.revenue_ttm
        and facts.known_at <= panel.available_at
  )
