"""Logs, registers, loads and copies models with the registry beside a separate tracking server.

The files lie in the store of the tracking server (MLFLOW_TRACKING_URI); the registry
(MLFLOW_REGISTRY_URI) knows where. Every check that holds prints a line.
"""

import json
import os
import tempfile
import urllib.request
import warnings

warnings.filterwarnings("ignore")

import mlflow
import numpy as np
from mlflow import MlflowClient
from sklearn.linear_model import LogisticRegression

client = MlflowClient()
x, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])


def check(name, ok):
    if not ok:
        raise SystemExit("does not hold: " + name)
    print(name, flush=True)


class Adder(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        with open(os.path.join(context.artifacts["folder"], "tokenizer", "vocab.txt")) as f:
            self.n = int(f.read())

    def predict(self, context, model_input, params=None):
        return model_input + self.n


mlflow.set_experiment("beside")
for i in range(3):
    with mlflow.start_run() as run:
        mlflow.log_param("c", i + 1)
        info = mlflow.sklearn.log_model(LogisticRegression(C=i + 1.0).fit(x, y), name="model", registered_model_name="m", pip_requirements=[])
    check("log_model registers version %d" % (i + 1), str(info.registered_model_version) == str(i + 1))
v = client.get_model_version("m", "3")
check("the source is the logged model", v.source == "models:/" + info.model_id)
request = urllib.request.Request(os.environ["MLFLOW_REGISTRY_URI"] + "/api/2.0/mlflow/model-versions/get?name=m&version=3")
request.add_header("Authorization", "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"])
with urllib.request.urlopen(request) as answer:  # The client does not read this field.
    check("the version knows its logged model", json.load(answer)["model_version"]["model_id"] == info.model_id)
check("the search finds it by its source", [f.version for f in client.search_model_versions("source_path = '%s'" % v.source)] == ["3"])
loaded = mlflow.sklearn.load_model("models:/m/3")
check("load_model by number", loaded.C == 3.0 and list(loaded.predict(x)) == list(y))
client.set_registered_model_alias("m", "champion", "2")
check("load_model by alias", mlflow.sklearn.load_model("models:/m@champion").C == 2.0)
check("load_model of the latest", mlflow.sklearn.load_model("models:/m/latest").C == 3.0)
client.transition_model_version_stage("m", "1", "Staging")
client.transition_model_version_stage("m", "1", "Production")
check("load_model by stage", mlflow.sklearn.load_model("models:/m/Production").C == 1.0)
copied = client.copy_model_version("models:/m@champion", "released")
check("copy_model_version", copied.version == "1" and copied.source == "models:/m/2")
check("load_model of the copy", mlflow.sklearn.load_model("models:/released/1").C == 2.0)
check("the copy is known as one", client.get_model_version_download_uri("released", "1") == client.get_model_version_download_uri("m", "2"))
with tempfile.TemporaryDirectory() as folder:
    os.makedirs(os.path.join(folder, "tokenizer"))
    for name, text in [("config.json", '{"model_type": "bert"}'), ("model.safetensors", "weights"), ("tokenizer/vocab.txt", "41")]:
        with open(os.path.join(folder, name), "w") as f:
            f.write(text)
    with mlflow.start_run():
        mlflow.pyfunc.log_model(name="folder", python_model=Adder(), artifacts={"folder": folder}, pip_requirements=[], registered_model_name="folder")
check("a pyfunc with a folder shaped like transformers", list(mlflow.pyfunc.load_model("models:/folder/1").predict(np.array([1]))) == [42])
registered = mlflow.register_model("runs:/%s/model" % run.info.run_id, "from-run")
check("register_model of a run", registered.version == "1" and mlflow.sklearn.load_model("models:/from-run/1").C == 3.0)
