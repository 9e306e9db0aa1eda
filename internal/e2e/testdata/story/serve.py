"""Makes an inference service of the newest version of a model with Kubeflow's client."""

import asyncio
import os
import warnings

warnings.simplefilter("ignore")
import mr_openapi
from model_registry import ModelRegistry

mr = ModelRegistry(os.environ["URL"], author="ada", is_secure=False, user_token=os.environ["TOKEN"])
model = mr.get_registered_model("churn-online")
version = next(iter(mr.get_model_versions("churn-online")))


async def serve():
    async with mr._api.get_client() as client:
        env = await client.create_serving_environment(mr_openapi.ServingEnvironmentCreate(name="prod"))
        await client.create_inference_service(
            mr_openapi.InferenceServiceCreate(name="churn-scoring", registeredModelId=model.id, servingEnvironmentId=env.id, modelVersionId=version.id)
        )


asyncio.get_event_loop().run_until_complete(serve())
print(version.name)
