select instrument_id, ex_date, kind, ratio, amount, currency, price, other_id, event_time, available_at
from {{ published("actions") }}
