"""Logs ten runs, with datasets, commits and nested runs, and prints their ids.

The last one logs a model with a signature and an input example; it is registered as version 1 of
the model `ten` while its run goes on.
"""

import json
import os
import warnings

warnings.filterwarnings("ignore")

import mlflow
import pandas as pd
from sklearn.linear_model import LogisticRegression

COMMITS = ["%040x" % (0xC0FFEE + i) for i in range(10)]
frame = pd.DataFrame({"age": [1.0, 2.0, 3.0, 4.0], "income": [1, 2, 3, 4], "bad": [0, 1, 0, 1]})
mlflow.set_experiment("ten")
ids = []


def log(i):
    mlflow.set_tags({"mlflow.source.git.commit": COMMITS[i], "mlflow.source.git.repoURL": "https://github.com/acme/ten.git", "team": "risk"})
    name = "even" if i % 2 == 0 else "odd"
    mlflow.log_input(mlflow.data.from_pandas(frame, source="s3://bucket/%s.csv" % name, name=name), context="training")
    mlflow.log_params({"C": 0.1 * i, "solver": "lbfgs"})
    mlflow.log_metric("accuracy", 0.9 + 0.001 * i)
    mlflow.log_metric("loss", 1.0, step=1)
    mlflow.log_metric("loss", 0.5, step=2)
    mlflow.log_metric("odd", float("nan"))


with mlflow.start_run(run_name="parent"):
    for i in range(9):
        with mlflow.start_run(run_name="run %d" % i, nested=i % 2 == 1 or True) as run:
            log(i)
            ids.append(run.info.run_id)
with mlflow.start_run(run_name="with a model") as run:
    log(9)
    ids.append(run.info.run_id)
    model = LogisticRegression().fit(frame[["age", "income"]], frame["bad"])
    signature = mlflow.models.infer_signature(frame[["age", "income"]], frame["bad"])
    mlflow.sklearn.log_model(model, name="model", signature=signature, input_example=frame[["age", "income"]].head(1), pip_requirements=[], registered_model_name=os.environ.get("REGISTER"))
    mlflow.log_metric("after", 1.0)
print(json.dumps(ids))
