select
    instrument_id, issuer_id, label, venue, currency, sector, lot,
    valid_from, coalesce(valid_to, date '9999-12-31') as valid_to,
    listed_on, delisted_on, last_price
from read_parquet('{{ var("inputs") }}/instruments.parquet')
