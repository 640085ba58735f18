select instrument_id, metric, period_end, value, form, available_at
from {{ published("fundamentals") }}
where value is not null
