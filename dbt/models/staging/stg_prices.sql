select
    instrument_id, session, event_time, available_at, currency,
    open as raw_open, high as raw_high, low as raw_low, close as raw_close, volume as raw_volume,
    adj_open, adj_high, adj_low, adj_close, adj_volume, split_factor
from {{ published("adjusted_prices") }}
