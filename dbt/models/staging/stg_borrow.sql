select instrument_id, session, fee, available, event_time, available_at
from {{ published("borrow") }}
