"""Registers a model with MLflow's client, as a training does, and prints the version."""

import os
import warnings

warnings.filterwarnings("ignore")

from mlflow import MlflowClient

uri = os.environ["MLFLOW_REGISTRY_URI"]
client = MlflowClient(tracking_uri=uri, registry_uri=uri)
client.create_registered_model("churn-online")
print(client.create_model_version("churn-online", source="s3://models/churn-online/model.pkl").version)
