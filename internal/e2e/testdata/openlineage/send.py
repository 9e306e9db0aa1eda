"""Sends the events of a folder with OpenLineage's own client, and a pipeline of its own.

The transport is that of OPENLINEAGE_URL and OPENLINEAGE_API_KEY; the argument is the folder.
"""
import json
import os
import pathlib
import sys

import requests
from openlineage.client import OpenLineageClient, set_producer
from openlineage.client.event_v2 import Dataset, InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import schema_dataset, source_code_location_job
from openlineage.client.transport.http import ApiKeyTokenProvider, HttpCompression, HttpConfig, HttpTransport

set_producer("https://example.org/tests")
config = HttpConfig(
    url=os.environ["OPENLINEAGE_URL"],
    auth=ApiKeyTokenProvider({"apiKey": os.environ["OPENLINEAGE_API_KEY"]}),
    compression=HttpCompression.GZIP,
)
packed = OpenLineageClient(transport=HttpTransport(config))
plain = OpenLineageClient()  # By the environment.

# The samples, as they were sent before.
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.json")):
    r = requests.post(
        os.environ["OPENLINEAGE_URL"] + "/api/v1/lineage",
        data=path.read_bytes(),
        headers={"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["OPENLINEAGE_API_KEY"]},
        timeout=30,
    )
    assert r.status_code == 201 and r.content == b"", (path, r.status_code, r.text)

# One run, its start packed by gzip and its end not.
job = Job(
    namespace="tests",
    name="scoring",
    facets={
        "sourceCodeLocation": source_code_location_job.SourceCodeLocationJobFacet(
            type="git", url="https://git.example.org/ml/churn.git", repoUrl="https://git.example.org/ml/churn.git", version="a" * 40
        )
    },
)
run = Run(runId="0190a1b2-0000-7000-8000-0000000000aa")
clean = InputDataset(namespace="postgresql://DB.example.org", name="ml.public.churn_clean")
scores = OutputDataset(
    namespace="s3a://lake",
    name="/scores/",
    facets={"schema": schema_dataset.SchemaDatasetFacet(fields=[schema_dataset.SchemaDatasetFacetFields(name="score", type="double")])},
)
packed.emit(RunEvent(eventType=RunState.START, eventTime="2026-11-24T10:00:00.000000001Z", run=run, job=job, inputs=[clean], producer="https://example.org/tests"))
plain.emit(RunEvent(eventType=RunState.COMPLETE, eventTime="2026-11-24T10:05:00Z", run=run, job=job, outputs=[scores], producer="https://example.org/tests"))
print(json.dumps({"run": run.runId}))
