select instrument_id, metric, period_start, period_end, value, coalesce(unit, '') as unit, form, available_at
from {{ published("fundamentals") }}
where value is not null
