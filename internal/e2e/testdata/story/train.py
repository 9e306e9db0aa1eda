"""Tells the registry by OpenLineage's client that a training run began or ended: train.py EVENT DIGEST SHA VERSION."""

import sys

import attr
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import BaseFacet, RunFacet, dataset_version_dataset, source_code_location_job

PRODUCER = "https://example.org/story"


@attr.define
class ModelVersion(RunFacet):
    """The facet of docs/openlineage-facets.schema.json."""

    model: str = attr.field()
    version: str = attr.field()


event, digest, sha, version = sys.argv[1:]
facets = {"pedigree_modelVersion": ModelVersion(model="churn-online", version=version)} if event == "COMPLETE" else {}
features = InputDataset(
    namespace="churn", name="data/features", facets={"version": dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=digest)}
)
location = source_code_location_job.SourceCodeLocationJobFacet(type="git", url="https://git.example.org/ml/churn", repoUrl="https://git.example.org/ml/churn", version=sha)
OpenLineageClient().emit(
    RunEvent(
        eventType=RunState[event],
        eventTime="2026-11-24T10:0%d:00Z" % (event == "COMPLETE"),
        run=Run(runId="0190a1b2-0000-7000-8000-0000000000bb", facets=facets),
        job=Job(namespace="ml", name="train-online", facets={"sourceCodeLocation": location}),
        inputs=[features],
        outputs=[OutputDataset(namespace="s3://models", name="churn-online/model.pkl")] if event == "COMPLETE" else [],
        producer=PRODUCER,
    )
)
print(event)
