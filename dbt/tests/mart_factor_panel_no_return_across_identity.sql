-- A first bar has no return: a reused ticker is another instrument.
select panel.instrument_id, panel.session
from {{ ref("mart_factor_panel") }} as panel
join (
    select instrument_id, min(session) as first_session from {{ ref("stg_prices") }} group by instrument_id
) as firsts
    on firsts.instrument_id = panel.instrument_id
where panel.session = firsts.first_session and panel.returns is not null
