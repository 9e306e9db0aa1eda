select c.customer_id, c.plan, count(k.call_id) as calls, sum(k.minutes) as minutes, sum(k.dropped) as dropped
from {{ ref('raw_customers') }} c
left join {{ ref('clean_calls') }} k on k.customer_id = c.customer_id
group by c.customer_id, c.plan
