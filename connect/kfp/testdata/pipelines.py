from kfp import compiler, dsl
from kfp.dsl import *


@dsl.component(base_image="python:3.11")
def clean(raw: Input[Dataset], cleaned: Output[Dataset]):
    with open(cleaned.path, "w") as f:
        f.write("x")


@dsl.component(base_image="python:3.11")
def train(data: Input[Dataset], rate: float, model: Output[Model], metrics: Output[Metrics]):
    with open(model.path, "w") as f:
        f.write("m")
    metrics.log_metric("accuracy", 0.5 + rate)


@dsl.component(base_image="python:3.11")
def evaluate(model: Input[Model], report: Output[ClassificationMetrics]) -> float:
    report.log_confusion_matrix(["yes", "no"], [[9, 1], [2, 8]])
    return 0.85


@dsl.component(base_image="python:3.11")
def publish(model: Input[Model], model_name: str, version: str) -> str:
    return "models:/" + model_name + "/" + version


@dsl.component(base_image="python:3.11")
def notify(status: PipelineTaskFinalStatus):
    print(status)


@dsl.pipeline(name="sweep")
def sweep(raw_uri: str = "s3://lake/raw/sweep.csv"):
    raw = dsl.importer(artifact_uri=raw_uri, artifact_class=Dataset)
    cleaned = clean(raw=raw.output)
    with dsl.ParallelFor(items=[0.1, 0.2], name="rates") as rate:
        t = train(data=cleaned.outputs["cleaned"], rate=rate)
        evaluate(model=t.outputs["model"])


@dsl.pipeline(name="promote")
def promote(limit: float = 0.8):
    done = notify()
    with dsl.ExitHandler(exit_task=done, name="guarded"):
        raw = dsl.importer(artifact_uri="s3://lake/raw/promote.csv", artifact_class=Dataset)
        cleaned = clean(raw=raw.output)
        t = train(data=cleaned.outputs["cleaned"], rate=0.1)
        e = evaluate(model=t.outputs["model"])
        with dsl.If(e.outputs["Output"] > limit, name="good"):
            publish(model=t.outputs["model"], model_name="promote", version="1.0.0")
        with dsl.Else(name="bad"):
            clean(raw=raw.output)


@dsl.pipeline(name="prepare")
def prepare(uri: str) -> Dataset:
    raw = dsl.importer(artifact_uri=uri, artifact_class=Dataset)
    return clean(raw=raw.output).outputs["cleaned"]


@dsl.pipeline(name="nested")
def nested(uri: str = "s3://lake/raw/nested.csv"):
    data = prepare(uri=uri)
    train(data=data.output, rate=0.3)


if __name__ == "__main__":
    import sys

    for p in (sweep, promote, nested):
        compiler.Compiler().compile(p, sys.argv[1] + "/" + p.name + ".yaml")
