-- Of the last session alone: what is older has become bars.
select instrument_id, session, event_time, available_at, currency, bid, ask, bid_size, ask_size
from {{ published("quotes") }}
