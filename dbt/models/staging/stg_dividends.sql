select instrument_id, ex_date, sum(amount) as amount, max(available_at) as available_at
from {{ published("actions") }}
where kind = 'dividend' and amount is not null
group by instrument_id, ex_date
