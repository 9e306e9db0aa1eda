"""Verifies deliveries, one JSON object a line, with the Standard Webhooks library. Prints how many hold."""
import base64
import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

hook, good = Webhook(sys.argv[1]), 0
for line in sys.stdin:
    m = json.loads(line)
    body = base64.b64decode(m["body"])
    hook.verify(body, m["headers"])
    try:
        hook.verify(body + b" ", m["headers"])
    except WebhookVerificationError:
        good += 1
print(good)
