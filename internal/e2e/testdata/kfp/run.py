"""Compiles the pipelines of a file into a folder, and runs them there with kfp's local runner."""

import importlib.util
import os
import sys

from kfp import compiler, local

file, out = sys.argv[1:]
spec = importlib.util.spec_from_file_location("pipelines", file)
pipelines = importlib.util.module_from_spec(spec)
sys.modules["pipelines"] = pipelines
sys.path.insert(0, os.path.dirname(file))
spec.loader.exec_module(pipelines)
local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=out)
for pipeline in (pipelines.sweep, pipelines.promote, pipelines.nested):
    compiler.Compiler().compile(pipeline, os.path.join(out, pipeline.name + ".yaml"))
    pipeline()
    print("ran", pipeline.name)
