select series, session, value, unit, event_time, available_at
from {{ published("series") }}
