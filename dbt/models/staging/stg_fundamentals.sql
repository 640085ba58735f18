select instrument_id, metric, period_end, value, form, available_at
from read_parquet('{{ var("inputs") }}/fundamentals.parquet')
where value is not null
