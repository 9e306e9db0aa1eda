"""Calls every operation of the registry half of MlflowClient, and prints what came back.

A line of the output is a JSON object: op is the name of the call; fields are the fields of its
result by their paths, or of its error. Times are "a time", so that two registries can be compared.
The registry is MLFLOW_REGISTRY_URI.
"""

import json
import os
import time
import warnings

warnings.filterwarnings("ignore")

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

uri = os.environ["MLFLOW_REGISTRY_URI"]
client = MlflowClient(tracking_uri=uri, registry_uri=uri)
mlflow.set_registry_uri(uri)
mlflow.set_tracking_uri(uri)

MODEL = ["name", "description", "creation_timestamp", "last_updated_timestamp", "tags", "aliases", "latest_versions"]
VERSION = ["name", "version", "description", "creation_timestamp", "last_updated_timestamp", "current_stage", "source", "run_id", "run_link",
           "status", "status_message", "tags", "aliases", "user_id", "model_id"]
WEBHOOK = ["name", "url", "description", "creation_timestamp", "last_updated_timestamp", "secret"]
PROMPT = ["name", "version", "template", "commit_message", "tags"]


def flat(path, value, out):
    kind = type(value).__name__
    if path.endswith("_timestamp"):
        out[path] = "a time" if isinstance(value, int) and value > 1_600_000_000_000 else value
    elif kind in ("RegisteredModel", "ModelVersion"):
        for name in MODEL if kind == "RegisteredModel" else VERSION:
            flat(path + "." + name if path else name, getattr(value, name), out)
    elif kind == "Webhook":
        for name in WEBHOOK:
            flat(path + "." + name if path else name, getattr(value, name), out)
        out[path + "events"] = sorted(str(e.entity) + "." + str(e.action) for e in value.events)
        out[path + "status"] = str(value.status)
        out[path + "an id"] = bool(value.webhook_id)
    elif kind == "PromptVersion":
        for name in PROMPT:
            flat(path + "." + name if path else name, getattr(value, name), out)
    elif isinstance(value, dict):
        out[path] = {str(k): str(v) for k, v in sorted(value.items())}
    elif hasattr(value, "__len__") and not isinstance(value, str):
        items = list(value)
        if path.endswith("latest_versions"):
            items.sort(key=lambda v: int(v.version))
        if items and isinstance(items[0], str):
            out[path or "items"] = items if not path else sorted(items)
            return out
        out[(path + "." if path else "") + "length"] = len(items)
        for i, item in enumerate(items):
            flat((path + "." if path else "") + str(i), item, out)
    else:
        out[path or "value"] = value
    return out


def do(op, call):
    try:
        fields = flat("", call(), {})
    except MlflowException as e:
        fields = {"error_code": e.error_code, "message": str(e)}
    except Exception as e:
        fields = {"error_code": type(e).__name__, "message": str(e)}
    print(json.dumps({"op": op, "fields": fields}), flush=True)


def by_number(versions):
    return sorted(versions, key=lambda v: int(v.version))


def pages(call, **given):
    """All items of a paged search, with the sizes of its pages."""
    items, sizes, token = [], [], None
    while True:
        page = call(page_token=token, **given)
        items += [getattr(i, "version", None) and i.name + "/" + str(i.version) or i.name for i in page]
        sizes.append(str(len(page)))
        token = page.token
        if not token:
            return [",".join(items), "pages " + ",".join(sizes)]


# Registered models.
do("create_registered_model", lambda: client.create_registered_model("m", tags={"team": "risk", "empty": ""}, description="a model"))
do("create_registered_model again", lambda: client.create_registered_model("m"))
do("create_registered_model without a name", lambda: client.create_registered_model(""))
do("create_registered_model with a slash", lambda: client.create_registered_model("a/b"))
do("create_registered_model with a colon", lambda: client.create_registered_model("a:b"))
do("create_registered_model with dots", lambda: client.create_registered_model(".."))
do("create_registered_model with a blank end", lambda: client.create_registered_model("blank "))
do("delete_registered_model with a blank end", lambda: client.delete_registered_model("blank "))
do("get_registered_model", lambda: client.get_registered_model("m"))
do("get_registered_model of none", lambda: client.get_registered_model("none"))
do("update_registered_model", lambda: client.update_registered_model("m", "another text"))
do("update_registered_model of none", lambda: client.update_registered_model("none", "text"))
do("set_registered_model_tag", lambda: client.set_registered_model_tag("m", "k/e y", "välue"))
do("set_registered_model_tag again", lambda: client.set_registered_model_tag("m", "team", "fraud"))
do("set_registered_model_tag of none", lambda: client.set_registered_model_tag("none", "k", "v"))
do("delete_registered_model_tag", lambda: client.delete_registered_model_tag("m", "empty"))
do("delete_registered_model_tag that is not there", lambda: client.delete_registered_model_tag("m", "nothing"))
do("the tags", lambda: client.get_registered_model("m"))

# Versions.
do("create_model_version", lambda: client.create_model_version("m", "s3://bucket/a b/%20/model", run_id="0123456789abcdef0123456789abcdef", tags={"k": "v"}, run_link="http://runs/1", description="first"))
do("create_model_version of none", lambda: client.create_model_version("none", "s3://b/m"))
do("create_model_version with a climbing source", lambda: client.create_model_version("m", "s3://b/../../etc"))
for i in range(4):
    do("create_model_version %d" % (i + 2), lambda: client.create_model_version("m", "s3://bucket/%d" % i, tags={"n": str(i)}))
do("get_model_version", lambda: client.get_model_version("m", "1"))
do("get_model_version of none", lambda: client.get_model_version("m", "99"))
do("get_model_version of no model", lambda: client.get_model_version("none", "1"))
do("get_model_version of no number", lambda: client.get_model_version("m", "x"))
do("update_model_version", lambda: client.update_model_version("m", "1", "changed"))
do("update_model_version to nothing", lambda: client.update_model_version("m", "2", None))
do("get_model_version_download_uri", lambda: client.get_model_version_download_uri("m", "1"))
do("get_model_version_download_uri of none", lambda: client.get_model_version_download_uri("m", "99"))
do("get_model_version_stages", lambda: client.get_model_version_stages("m", "1"))
do("set_model_version_tag", lambda: client.set_model_version_tag("m", "1", "quality", "good"))
do("set_model_version_tag to nothing", lambda: client.set_model_version_tag("m", "1", "blank", ""))
do("set_model_version_tag of none", lambda: client.set_model_version_tag("m", "99", "k", "v"))
do("delete_model_version_tag", lambda: client.delete_model_version_tag("m", "1", "k"))
do("delete_model_version_tag that is not there", lambda: client.delete_model_version_tag("m", "1", "nothing"))
do("the tags of a version", lambda: client.get_model_version("m", "1"))

# Aliases.
do("set_registered_model_alias", lambda: client.set_registered_model_alias("m", "champion", "1"))
do("set_registered_model_alias moves", lambda: client.set_registered_model_alias("m", "champion", "2"))
do("set_registered_model_alias beside", lambda: client.set_registered_model_alias("m", "challenger", "2"))
do("set_registered_model_alias of none", lambda: client.set_registered_model_alias("m", "champion", "99"))
do("set_registered_model_alias latest", lambda: client.set_registered_model_alias("m", "Latest", "1"))
do("set_registered_model_alias v3", lambda: client.set_registered_model_alias("m", "v3", "1"))
do("get_model_version_by_alias", lambda: client.get_model_version_by_alias("m", "champion"))
do("get_model_version_by_alias latest", lambda: client.get_model_version_by_alias("m", "latest"))
do("get_model_version_by_alias of none", lambda: client.get_model_version_by_alias("m", "nobody"))
do("the aliases", lambda: client.get_registered_model("m"))
do("delete_registered_model_alias", lambda: client.delete_registered_model_alias("m", "challenger"))
do("delete_registered_model_alias again", lambda: client.delete_registered_model_alias("m", "challenger"))
do("the aliases of a version", lambda: client.get_model_version("m", "2"))

# Stages.
do("transition_model_version_stage", lambda: client.transition_model_version_stage("m", "1", "Staging"))
do("transition_model_version_stage in small letters", lambda: client.transition_model_version_stage("m", "2", "staging"))
do("transition_model_version_stage to the same", lambda: client.transition_model_version_stage("m", "2", "Staging"))
do("transition_model_version_stage to no stage", lambda: client.transition_model_version_stage("m", "1", "Canary"))
do("transition_model_version_stage of none", lambda: client.transition_model_version_stage("m", "99", "Staging"))
do("transition_model_version_stage with peers", lambda: client.transition_model_version_stage("m", "3", "Staging", archive_existing_versions=True))
do("the archived peers", lambda: by_number(client.get_latest_versions("m", stages=["Archived"])))
do("transition_model_version_stage to Production", lambda: client.transition_model_version_stage("m", "3", "Production"))
do("transition_model_version_stage back", lambda: client.transition_model_version_stage("m", "1", "None"))
do("transition_model_version_stage 4", lambda: client.transition_model_version_stage("m", "4", "Staging"))
do("transition_model_version_stage replaces", lambda: client.transition_model_version_stage("m", "4", "Production", archive_existing_versions=True))
do("the replaced", lambda: client.get_model_version("m", "3"))
do("transition_model_version_stage peers of no active stage", lambda: client.transition_model_version_stage("m", "5", "Archived", archive_existing_versions=True))
do("get_latest_versions", lambda: by_number(client.get_latest_versions("m")))
do("get_latest_versions of stages", lambda: by_number(client.get_latest_versions("m", stages=["Production", "none"])))
do("get_latest_versions of none", lambda: client.get_latest_versions("none"))
do("the latest versions", lambda: client.get_registered_model("m"))

# What MLflow allows and the lifecycle does not.
client.create_registered_model("strict")
client.create_model_version("strict", "s3://b/strict")
do("set_model_version_tag lifecycle", lambda: client.set_model_version_tag("strict", "1", "lifecycle", "CANARY"))
do("transition_model_version_stage past the lifecycle", lambda: client.transition_model_version_stage("strict", "1", "Production"))

# Searches.
for i in range(7):
    client.create_registered_model("s%d" % i, tags={"parity": ["even", "odd"][i % 2], "mixed": "MiXed%d" % i})
    time.sleep(0.005)
    client.create_model_version("s%d" % i, "s3://search/%d" % i, run_id="run%d" % (i % 2), tags={"i": str(i)})
    time.sleep(0.005)
for f in ["", "name = 's1'", "name != 's1'", "name LIKE 's%'", "name ILIKE 'S%'", "name LIKE 'S%'", "name LIKE '%1'", "name LIKE 's_'", "name IN ('s1', 's3')", "name NOT IN ('s1', 'm')",
          "tags.parity = 'even'", "tag.`parity` = 'odd'", 'tags."parity" = "odd"', "tags.parity != 'even'", "tags.mixed LIKE 'mixed%'", "tags.mixed ILIKE 'mixed%'", "name LIKE 's%' AND tags.parity = 'odd'",
          "tags.parity = 'even' and tags.mixed LIKE '%4'", "tags.nothing = 'x'", "name = 's1' OR name = 's2'", "description = 'x'", "name > 's'", "tags.parity = even", "name = 's1", "name"]:
    do("search_registered_models " + f, lambda: pages(client.search_registered_models, filter_string=f, max_results=3))
for o in [["name DESC"], ["timestamp ASC"], ["last_updated_timestamp DESC", "name ASC"], ["name ASC"], ["creation_timestamp"], ["name", "name"], ["name sideways"]]:
    do("search_registered_models by " + ", ".join(o), lambda: pages(client.search_registered_models, filter_string="name LIKE 's%'", order_by=o, max_results=100))
for f in ["name = 'm'", "name = 's3'", "name LIKE 's%'", "name IN ('s1', 'm')", "run_id = 'run1'", "run_id IN ('run0', 'run1')", "run_id != 'run1'", "source_path = 's3://search/2'", "source_path LIKE 's3://search/%'",
          "name = 'm' AND version_number > 3", "name = 'm' AND version_number != 3", "version_number = 2", "version_number <= 1 AND name LIKE 's%'", "tags.i = '4'", "tags.i IN ('4')", "name = 'm' AND tags.n ILIKE '1'", "current_stage = 'None'",
          "version_number = 'x'", "version_number LIKE 1", "name = 'none'", "run_id LIKE 'RUN%'", "run_id ILIKE 'RUN%'"]:
    do("search_model_versions " + f, lambda: pages(client.search_model_versions, filter_string=f, order_by=["name ASC", "version_number DESC"], max_results=4))
for o in [["version_number ASC"], ["name DESC"], ["creation_timestamp ASC"], ["last_updated_timestamp DESC"], ["timestamp"], []]:
    do("search_model_versions by " + ", ".join(o), lambda: pages(client.search_model_versions, filter_string="name LIKE 's%'", order_by=o, max_results=100))
do("search_model_versions, whole", lambda: client.search_model_versions("name = 's1'"))
do("search_registered_models, whole", lambda: client.search_registered_models("name = 'm'"))
do("search_registered_models with a wrong token", lambda: client.search_registered_models(page_token="wrong"))
do("search_registered_models of too many", lambda: client.search_registered_models(max_results=1001))

# Copies.
do("copy_model_version", lambda: client.copy_model_version("models:/m/1", "copy"))
do("copy_model_version by alias", lambda: client.copy_model_version("models:/m@champion", "copy"))
do("copy_model_version of none", lambda: client.copy_model_version("models:/m/99", "copy"))
do("the copy's download URI", lambda: client.get_model_version_download_uri("copy", "1"))
do("register_model", lambda: mlflow.register_model("s3://plain/uri", "registered", tags={"a": "b"}))
do("register_model again", lambda: mlflow.register_model("s3://plain/uri", "registered"))

# Prompts.
do("register_prompt", lambda: client.register_prompt("greet", "Hello {{name}}", commit_message="first", tags={"lang": "en"}))
do("register_prompt again", lambda: client.register_prompt("greet", "Hi {{name}}"))
do("load_prompt", lambda: client.load_prompt("prompts:/greet/1"))
do("get_prompt_version", lambda: client.get_prompt_version("greet", "2"))
do("search_prompts", lambda: [p.name for p in client.search_prompts()])
do("set_prompt_alias", lambda: client.set_prompt_alias("greet", "live", 1))
do("load_prompt by alias", lambda: client.get_prompt_version_by_alias("greet", "live"))
do("set_prompt_tag", lambda: client.set_prompt_tag("greet", "k", "v"))
do("delete_prompt_tag", lambda: client.delete_prompt_tag("greet", "k"))
do("set_prompt_version_tag", lambda: client.set_prompt_version_tag("greet", "1", "k", "v"))
do("delete_prompt_version_tag", lambda: client.delete_prompt_version_tag("greet", "1", "k"))
do("delete_prompt_alias", lambda: client.delete_prompt_alias("greet", "live"))
do("a long prompt", lambda: client.register_prompt("long", "x" * 99_000))
do("prompts are no models", lambda: pages(client.search_registered_models, filter_string="name LIKE 'g%'", max_results=10))
do("delete_prompt_version", lambda: client.delete_prompt_version("greet", "1"))
do("delete_prompt_version 2", lambda: client.delete_prompt_version("greet", "2"))
do("delete_prompt", lambda: client.delete_prompt("greet"))

# Names and ends.
do("rename_registered_model", lambda: client.rename_registered_model("m", "renamed"))
do("rename_registered_model onto another", lambda: client.rename_registered_model("renamed", "s1"))
do("rename_registered_model of none", lambda: client.rename_registered_model("m", "x"))
do("a version after the name", lambda: client.get_model_version("renamed", "2"))
do("the old name", lambda: client.get_model_version("m", "2"))
do("a search after the name", lambda: pages(client.search_model_versions, filter_string="name = 'renamed'", order_by=["version_number ASC"], max_results=100))
do("delete_model_version", lambda: client.delete_model_version("renamed", "2"))
do("delete_model_version again", lambda: client.delete_model_version("renamed", "2"))
do("the alias of what was deleted", lambda: client.get_model_version_by_alias("renamed", "champion"))
do("delete_model_version 5", lambda: client.delete_model_version("renamed", "5"))
do("a number is not given again", lambda: client.create_model_version("renamed", "s3://b/again").version)
do("delete_registered_model", lambda: client.delete_registered_model("renamed"))
do("delete_registered_model again", lambda: client.delete_registered_model("renamed"))
do("a deleted name is free", lambda: client.create_registered_model("renamed"))

# Webhooks. What they tell is in webhooks.py.
ids = []


def webhook(call):
    w = call()
    ids.append(w.webhook_id)
    return w


do("create_webhook", lambda: webhook(lambda: client.create_webhook("w", "https://example.com/hook", ["registered_model.created", "model_version_tag.deleted"], description="a hook", secret="s3cret")))
do("create_webhook, disabled", lambda: webhook(lambda: client.create_webhook("off", "https://example.com/off", ["prompt_alias.created"], status="DISABLED")))
do("create_webhook to no address", lambda: client.create_webhook("w", "example", ["registered_model.created"]))
do("get_webhook", lambda: client.get_webhook(ids[0]))
do("get_webhook of none", lambda: client.get_webhook("00000000-0000-0000-0000-000000000000"))
do("list_webhooks", lambda: client.list_webhooks())
do("list_webhooks by pages", lambda: pages(client.list_webhooks, max_results=1))
do("list_webhooks of too many", lambda: client.list_webhooks(max_results=2000))
do("update_webhook", lambda: client.update_webhook(ids[0], name="renamed", description="changed", url="https://example.com/new", events=["model_version.created"], secret="other", status="DISABLED"))
do("update_webhook of nothing", lambda: client.update_webhook(ids[0]))
do("update_webhook of none", lambda: client.update_webhook("00000000-0000-0000-0000-000000000000", name="x"))
do("delete_webhook", lambda: client.delete_webhook(ids[0]))
do("delete_webhook again", lambda: client.delete_webhook(ids[0]))
do("list_webhooks after that", lambda: client.list_webhooks())
do("create_webhook of what nobody has", lambda: client.create_webhook("w", "https://example.com/hook", ["budget_policy.exceeded"]))
