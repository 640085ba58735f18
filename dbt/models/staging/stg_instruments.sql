-- A label holds until the next one of the same instrument begins: the earlier row was written before anyone knew.
select
    instrument_id, issuer_id, label, venue, currency, sector, lot, valid_from,
    least(
        coalesce(valid_to, date '9999-12-31'),
        lead(valid_from, 1, date '9999-12-31') over (partition by instrument_id order by valid_from) - 1
    )::date as valid_to,
    listed_on, delisted_on, last_price
from {{ published("instruments") }}
