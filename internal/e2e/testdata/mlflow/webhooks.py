"""Makes webhooks with MLflow's client, lets things happen, and verifies what arrives as a receiver of MLflow does.

The signature is computed by MLflow's own function, and the fields of each payload are those of MLflow's own types.
The registry is MLFLOW_REGISTRY_URI.
"""

import hmac
import json
import os
import threading
import time
import warnings
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

warnings.filterwarnings("ignore")

import mlflow
from mlflow import MlflowClient
from mlflow.entities.webhook import WebhookEvent
from mlflow.exceptions import MlflowException
from mlflow.webhooks.constants import WEBHOOK_DELIVERY_ID_HEADER, WEBHOOK_SIGNATURE_HEADER, WEBHOOK_TIMESTAMP_HEADER
from mlflow.webhooks.delivery import _generate_hmac_signature
from mlflow.webhooks.types import EVENT_TO_PAYLOAD_CLASS

uri = os.environ["MLFLOW_REGISTRY_URI"]
client = MlflowClient(tracking_uri=uri, registry_uri=uri)
mlflow.set_registry_uri(uri)
mlflow.set_tracking_uri(uri)
got, lock = [], threading.Lock()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with lock:
            got.append((self.path, dict(self.headers), body))
        self.send_response(500 if self.path == "/broken" else 200)
        self.end_headers()

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = "http://127.0.0.1:%d" % server.server_port
everything = [str(e) + "." + str(a) for e, a in EVENT_TO_PAYLOAD_CLASS if str(e) != "budget_policy"]


def header(headers, name):
    return {k.lower(): v for k, v in headers.items()}.get(name.lower())


def verify(headers, body, secret):
    """What a receiver of MLflow does: the time is near, and the signature that of MLflow's function."""
    stamp = header(headers, WEBHOOK_TIMESTAMP_HEADER)
    assert abs(time.time() - int(stamp)) < 300, stamp
    want = _generate_hmac_signature(secret, header(headers, WEBHOOK_DELIVERY_ID_HEADER), stamp, body)
    return hmac.compare_digest(want, header(headers, WEBHOOK_SIGNATURE_HEADER) or "")


def wait(path, count):
    deadline = time.time() + 60
    while time.time() < deadline:
        with lock:
            found = [g for g in got if g[0] == path]
        if len(found) >= count:
            return found
        time.sleep(0.05)
    raise SystemExit("%d of %d at %s: %s" % (len(found), count, path, [json.loads(g[2])["entity"] for g in found]))


hook = client.create_webhook("all", base + "/all", everything, description="d", secret="s3cret")
unsigned = client.create_webhook("unsigned", base + "/unsigned", ["model_version_alias.created"])
broken = client.create_webhook("broken", base + "/broken", ["prompt.created"], secret="x")
off = client.create_webhook("off", base + "/off", everything, status="DISABLED")

# A test sends an example of each event, and answers what became of it.
for event in everything:
    result = client.test_webhook(hook.webhook_id, WebhookEvent.from_str(event))
    assert result.success and result.response_status == 200, (event, result)
result = client.test_webhook(broken.webhook_id)
assert not result.success and result.response_status == 500, result
tests = wait("/all", len(everything))

client.create_registered_model("m", tags={"team": "risk"}, description="a model")
client.create_model_version("m", "s3://b/m", run_id="0123456789abcdef0123456789abcdef", tags={"k": "v"}, description="first")
client.set_model_version_tag("m", "1", "quality", "good")
client.delete_model_version_tag("m", "1", "quality")
client.set_registered_model_alias("m", "candidate", "1")
client.delete_registered_model_alias("m", "candidate")
client.set_registered_model_tag("m", "not", "told")
mlflow.register_prompt("p", "Hello {{name}}!", commit_message="first", tags={"pk": "pv"})
client.set_prompt_tag("p", "ptag", "x")
client.delete_prompt_tag("p", "ptag")
client.set_prompt_version_tag("p", "1", "vtag", "y")
client.delete_prompt_version_tag("p", "1", "vtag")
client.set_prompt_alias("p", "live", 1)
client.delete_prompt_alias("p", "live")
client.create_registered_model("last")

deadline = time.time() + 60
while time.time() < deadline and not any(json.loads(g[2])["data"].get("name") == "last" for g in wait("/all", 1)):
    time.sleep(0.1)
told = wait("/all", len(everything))[len(tests):]
seen = {}
for path, headers, body in tests + told:
    m = json.loads(body)
    assert set(m) == {"entity", "action", "timestamp", "data"}, m
    assert abs((datetime.now(timezone.utc) - datetime.fromisoformat(m["timestamp"])).total_seconds()) < 300, m
    event = WebhookEvent.from_str(m["entity"] + "." + m["action"])
    assert set(m["data"]) == set(EVENT_TO_PAYLOAD_CLASS[(event.entity, event.action)].__annotations__), m
    assert verify(headers, body, "s3cret"), headers
    assert not verify(headers, body, "other") and not verify(headers, body + " ", "s3cret"), headers
    if (path, headers, body) in told:
        seen.setdefault(str(event), []).append(m["data"])
assert set(seen) | {"model_version_tag.set", "prompt_tag.set", "prompt_version_tag.set"} == set(everything), sorted(set(everything) ^ set(seen))
created = seen["registered_model.created"][0]
# Tags are told as they are when it is told: before or after the second one was set.
assert created in [{"name": "m", "tags": tags, "description": "a model"} for tags in ({"team": "risk"}, {"team": "risk", "not": "told"})], created
versions = [dict(v, tags={"k": v["tags"].get("k")}) for v in seen["model_version.created"]]
assert versions == [{"name": "m", "version": "1", "source": "s3://b/m", "run_id": "0123456789abcdef0123456789abcdef", "tags": {"k": "v"}, "description": "first"}], seen
assert seen["model_version_alias.created"] == [{"name": "m", "alias": "candidate", "version": "1"}], seen
assert seen["prompt_version.created"][0]["template"] == "Hello {{name}}!", seen["prompt_version.created"]
assert all("is_prompt" not in json.dumps(d) for ds in seen.values() for d in ds), seen
assert not any(g[0] == "/off" for g in got)
first = wait("/unsigned", 1)[0]
assert header(first[1], WEBHOOK_SIGNATURE_HEADER) is None, first

# A changed secret signs from then on; it is never shown, and neither is that of anybody else.
changed = client.update_webhook(hook.webhook_id, secret="new", events=["registered_model.created"], status="ACTIVE")
assert changed.secret is None and [str(e.entity) for e in changed.events] == ["registered_model"], changed
before = len(wait("/all", 1))
client.create_registered_model("again")
after = wait("/all", before + 1)[-1]
assert verify(after[1], after[2], "new") and not verify(after[1], after[2], "s3cret"), after
assert all(w.secret is None for w in client.list_webhooks())
client.delete_webhook(hook.webhook_id)
try:
    client.get_webhook(hook.webhook_id)
    raise SystemExit("a deleted webhook is there")
except MlflowException as e:
    assert e.error_code == "RESOURCE_DOES_NOT_EXIST", e
print("%d tests and %d deliveries verified by MLflow's function, %d of %d events" % (len(tests), len(told), len(seen), len(everything)))
