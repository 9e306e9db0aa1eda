"""Logs and loads models whose files lie in the registry, with the runs in a separate tracking server.

The experiment's artifact root is the registry (MLFLOW_REGISTRY_URI). Every check that holds prints
a line.
"""

import os
import tempfile
import warnings
from urllib.parse import urlparse

warnings.filterwarnings("ignore")

import mlflow
import numpy as np
from mlflow import MlflowClient
from sklearn.linear_model import LogisticRegression

client = MlflowClient()
here = os.environ["MLFLOW_REGISTRY_URI"]
x, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])


def check(name, ok):
    if not ok:
        raise SystemExit("does not hold: " + name)
    print(name, flush=True)


client.create_experiment("files", artifact_location="mlflow-artifacts://" + urlparse(here).netloc + "/files")
mlflow.set_experiment("files")
for i in range(2):
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(LogisticRegression(C=i + 1.0).fit(x, y), name="model", registered_model_name="m", pip_requirements=[], input_example=x)
v = client.get_model_version("m", "2")
check("the source names the logged model: " + v.source, info.model_id in v.source)
uri = client.get_model_version_download_uri("m", "2")
check("the files are in the registry: " + uri, uri.startswith(here + "/api/2.0/mlflow-artifacts/artifacts/versions/"))
loaded = mlflow.sklearn.load_model("models:/m/2")
check("load_model by number", loaded.C == 2.0 and list(loaded.predict(x)) == list(y))
client.set_registered_model_alias("m", "champion", "1")
check("load_model by alias", mlflow.sklearn.load_model("models:/m@champion").C == 1.0)
client.copy_model_version("models:/m@champion", "released")
check("load_model of a copy", mlflow.sklearn.load_model("models:/released/1").C == 1.0)
with tempfile.TemporaryDirectory() as folder:
    path = mlflow.artifacts.download_artifacts("models:/m/2", dst_path=folder)
    check("download of all files", os.path.exists(os.path.join(path, "MLmodel")))
    with open(os.path.join(folder, "large.bin"), "wb") as f:
        f.write(os.urandom(20 << 20))
    client.log_artifact(run.info.run_id, os.path.join(folder, "large.bin"), "deep/er")
    check("list of a run's files", [f.path for f in client.list_artifacts(run.info.run_id, "deep/er")] == ["deep/er/large.bin"])
    again = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="deep/er/large.bin", dst_path=os.path.join(folder, "again"))
    with open(again, "rb") as a, open(os.path.join(folder, "large.bin"), "rb") as b:
        check("a file of 20 MiB comes back whole", a.read() == b.read())
with mlflow.start_run():
    mlflow.log_text("plain", "notes/one.txt")
    mlflow.log_dict({"a": 1}, "notes/two.json")
    check("log_text and load_text", mlflow.artifacts.load_text(mlflow.get_artifact_uri("notes/one.txt")) == "plain")
