"""Every kind of call of Kubeflow's client, against the registry at URL. Prints one line for each."""

import asyncio
import os
import sys
import warnings

warnings.simplefilter("ignore")
import mr_openapi
from model_registry import ModelRegistry, utils
from model_registry.exceptions import StoreError
from model_registry.types import ModelArtifact

mr = ModelRegistry(os.environ["URL"], author="ada", is_secure=False, user_token=os.environ["TOKEN"])


def check(what, got, want):
    if got != want:
        sys.exit(f"{what}: {got!r}, want {want!r}")
    print(what)


check("an empty registry", list(mr.get_registered_models()), [])
check("no model", mr.get_registered_model("churn"), None)
meta = {"int": 1, "float": 0.5, "bool": True, "str": "x"}
kfp = {"model_source_kind": "kfp", "model_source_class": "pipelinerun", "model_source_group": "ns", "model_source_id": "run-1", "model_source_name": "train"}
rm = mr.register_model("churn", "s3://b/churn/1", version="v1", model_format_name="sklearn", model_format_version="1.5", storage_key="k", storage_path="p",
                       service_account_name="sa", version_description="first", metadata=meta, **kfp)
check("register_model", (rm.name, rm.owner), ("churn", "ada"))
mv = mr.get_model_version("churn", "v1")
check("get_model_version", (mv.name, mv.description, mv.author, mv.custom_properties), ("v1", "first", "ada", meta))
ma = mr.get_model_artifact("churn", "v1")
check("get_model_artifact", (ma.uri, ma.model_format_name, ma.model_format_version, ma.storage_key, ma.storage_path, ma.service_account_name, ma.model_source_id),
      ("s3://b/churn/1", "sklearn", "1.5", "k", "p", "sa", "run-1"))
for n in range(2, 6):
    mr.register_model("churn", f"s3://b/churn/{n}", version=f"v{n}", model_format_name="sklearn", model_format_version="1.5")
try:
    mr.register_model("churn", "s3://b", version="v2", model_format_name="f", model_format_version="1")
    sys.exit("a version was registered twice")
except StoreError as e:
    print("a version twice is refused:", e)
rm.description, rm.custom_properties = "changed", {"team": "growth"}
check("update a model", (mr.update(rm).description, mr.get_registered_model("churn").custom_properties), ("changed", {"team": "growth"}))
mv.description, mv.custom_properties = "second", {"a": 2}
mr.update(mv)
mv = mr.get_model_version("churn", "v1")
check("update a version", (mv.description, mv.custom_properties), ("second", {"a": 2}))
ma.uri = "s3://z"
mr.update(ma)
check("update an artifact", mr.get_model_artifact("churn", "v1").uri, "s3://z")
for n in range(6):
    mr.register_model(f"other-{n}", "s3://b", version="1.0.0", model_format_name="f", model_format_version="1")
names = ["churn"] + [f"other-{n}" for n in range(6)]
check("list by pages, by id", [m.name for m in mr.get_registered_models().page_size(2).order_by_id()], names)
check("list by pages, the newest first", [m.name for m in mr.get_registered_models().page_size(3).order_by_creation_time().descending()], names[::-1])
mr.update(mr.get_registered_model("other-2"))
check("list by update time", next(iter(mr.get_registered_models().order_by_update_time().descending())).name, "other-2")
check("list versions by pages", [v.name for v in mr.get_model_versions("churn").page_size(2).order_by_id()], ["v1", "v2", "v3", "v4", "v5"])
check("a semver comes back as it is", mr.get_model_version("other-1", "1.0.0").name, "1.0.0")


def upload(**params):  # There is no bucket here; the rest of the helper is as it is.
    return f"s3://{params['bucket_name']}/{params['s3_prefix']}"


mr.save_to_s3 = upload
mr.upload_artifact_and_register_model("uploaded", "model.bin", upload_params=utils.S3Params(bucket_name="b", s3_prefix="p"), version="v1", model_format_name="f", model_format_version="1")
check("upload_artifact_and_register_model", mr.get_model_artifact("uploaded", "v1").uri, "s3://b/p")

rm_id, mv_id = mr.get_registered_model("churn").id, mr.get_model_version("churn", "v1").id


async def core():
    api = mr._api
    check("core: by id", ((await api.get_registered_model_by_id(rm_id)).name, (await api.get_model_version_by_id(mv_id)).name), ("churn", "v1"))
    made = await api.upsert_model_artifact(ModelArtifact(name="loose", uri="s3://l"))
    check("core: an artifact of no version", (await api.get_model_artifact_by_id(made.id)).uri, "s3://l")
    check("core: artifacts of a version", [a.name for a in await api.get_model_version_artifacts(mv_id)], ["churn"])
    check("core: all artifacts", len(await api.get_artifacts()) >= 12, True)
    async with api.get_client() as client:
        env = await client.create_serving_environment(mr_openapi.ServingEnvironmentCreate(name="prod-ns"))
        await client.create_inference_service(mr_openapi.InferenceServiceCreate(name="churn-isvc", registeredModelId=rm_id, servingEnvironmentId=env.id, modelVersionId=mv_id))
        await client.create_environment_inference_service(env.id, mr_openapi.InferenceServiceCreate(name="newest", registeredModelId=rm_id, servingEnvironmentId=env.id))
        service = await client.find_inference_service(name="churn-isvc", parent_resource_id=env.id)  # 0.3.14 reads no answer of a create with 201.
        await client.create_inference_service_serve(service.id, mr_openapi.ServeModelCreate(modelVersionId=mv_id, lastKnownState="RUNNING"))
        latest = await client.find_inference_service(name="newest", parent_resource_id=env.id)
        serves = await client.get_inference_service_serves(service.id)
        check("core: a serve", [s.last_known_state for s in serves.items], ["RUNNING"])
        check("core: the version that is served", [(await client.get_inference_service_version(s.id)).name for s in (service, latest)], ["v1", "v5"])
        found = await client.get_environment_inference_services(env.id, filter_query="name LIKE 'churn%' AND desiredState = 'DEPLOYED'")
        check("core: inference services by a filter", [s.name for s in found.items], ["churn-isvc"])
        await client.update_inference_service(latest.id, mr_openapi.InferenceServiceUpdate(desiredState="UNDEPLOYED"))
        check("core: what is undeployed", (await client.find_inference_service(name="newest", parent_resource_id=env.id)).desired_state, "UNDEPLOYED")


asyncio.get_event_loop().run_until_complete(core())

if hasattr(mr, "start_experiment_run"):
    with mr.start_experiment_run(experiment_name="exp") as run:
        run.log_param("rate", 0.1)
        for step in range(3):
            run.log_metric("loss", value=1.0 / (step + 1), step=step)
        run.log_dataset(name="train", source_type="s3", uri="s3://lake/train.csv")
    check("experiments", [e.name for e in mr.get_experiments()], ["exp"])
    check("experiment runs", [r.id for r in mr.get_experiment_runs(experiment_name="exp")], [run.info.id])
    logs = sorted(a.name for a in mr.get_experiment_run_logs(run_id=run.info.id))
    check("logs of a run", logs, ["loss", "rate", "train"])
