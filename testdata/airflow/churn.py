"""A pipeline of two tasks: what they read and wrote is told by their inlets and outlets."""
from datetime import datetime

from airflow.providers.common.compat.lineage.entities import Column, Table
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG


def table(name, *columns):
    return Table(cluster="postgres://db:5432", database="shop.public", name=name, columns=[Column(name=c, data_type="text") for c in columns])


with DAG("churn", start_date=datetime(2026, 11, 1), schedule=None, catchup=False):
    raw, clean, features = table("raw_calls", "id"), table("clean_calls", "id"), table("customer_features", "id", "calls")
    etl = BashOperator(task_id="clean", bash_command="true", inlets=[raw], outlets=[clean])
    build = BashOperator(task_id="build_features", bash_command="true", inlets=[clean], outlets=[features])
    etl >> build
