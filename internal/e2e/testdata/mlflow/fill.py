"""Fills a folder mlruns, and a database with the same content: VERSIONS versions of models.

The versions share runs, which share datasets and commits. There are aliases, tags, every stage,
two versions of one model in Production, copies, a deleted version, and names that this registry
refuses.
"""

import os
import subprocess
import sys
import warnings

warnings.filterwarnings("ignore")

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag

folder, database, versions = os.environ["FOLDER"], os.environ["DATABASE"], int(os.environ["VERSIONS"])
models, runs = max(versions // 20, 2), max(versions // 10, 2)
client = MlflowClient(tracking_uri="file://" + folder, registry_uri="file://" + folder)
experiment = client.create_experiment("fill")
ids = []
for i in range(runs):
    run = client.create_run(experiment, run_name="run %d" % i, tags={"mlflow.source.git.commit": "%040x" % (i % 7 + 1), "mlflow.user": "ann"})
    rid = run.info.run_id
    client.log_param(rid, "rate", 0.1 * i)
    client.log_metric(rid, "val/accuracy", 0.5, step=2)
    client.log_metric(rid, "val/accuracy", 0.9, step=1)
    if i == 0:
        client.log_metric(rid, "bad", float("nan"))
    schema = '{"mlflow_colspec": [{"type": "double", "name": "x", "required": true}]}'
    for name in ("d%d" % (i % 5), "shared"):
        client.log_inputs(rid, [DatasetInput(Dataset(name, "%08x" % i, "local", '{"uri": "/data/%s"}' % name, schema, '{"num_rows": 10}'), [InputTag("mlflow.data.context", "train" if name == "shared" else "test")])])
    client.set_terminated(rid, "FAILED" if i == 1 else "FINISHED")
    ids.append(rid)
for m in range(models):
    client.create_registered_model("m%03d" % m, tags={"team": "risk"}, description="model %d" % m)
for i in range(versions):
    model, rid = "m%03d" % (i % models), ids[i % runs]
    tags = {"i": str(i)}
    if i < models:
        tags["pedigree.version"] = "1.%d.0" % i if i % 2 else "first"
    client.create_model_version(model, "runs:/%s/model" % rid, run_id=rid, tags=tags)
for m in range(models):
    name = "m%03d" % m
    stages = ["Staging", "Archived", "Production", "Production"]
    for n, stage in enumerate(stages, start=1):
        if n <= versions // models:
            client.transition_model_version_stage(name, str(n), stage)
    client.set_registered_model_alias(name, "champion", "1")
client.copy_model_version("models:/m000/1", "copied")
client.create_model_version("m000", "s3://bucket/no-run")
client.create_registered_model(" blank ")
client.create_model_version(" blank ", "s3://bucket/1")
if versions // models > 5:
    client.delete_model_version("m001", "5")
out = subprocess.run([sys.executable, "-m", "mlflow", "migrate-filestore", "--source", folder, "--target", "sqlite:///" + database], capture_output=True, text=True)
print(out.stdout[-2000:], out.stderr[-2000:])
if out.returncode != 0:
    raise SystemExit("the migration failed")
