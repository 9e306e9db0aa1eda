select customer_id, plan, calls, minutes, dropped / calls as drop_rate
from {{ ref('customer_features') }}
where calls > 0
