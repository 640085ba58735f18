select instrument_id, metric, period_start, period_end, value, unit, form, available_at
from read_parquet('{{ var("inputs") }}/fundamentals.parquet')
where value is not null
