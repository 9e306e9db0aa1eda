select call_id, customer_id, minutes, coalesce(dropped, 0) as dropped
from {{ ref('raw_calls') }}
