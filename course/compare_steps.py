# SPDX-License-Identifier: MIT
"""`./reveil compare --steps FILE LEFT RIGHT`: the step page of two stages.

The lessons' solutions are run here, under the checker's probes; the library's
run is recorded by `reveil demo --json`. The C program calls this.
"""
import json
import os
import subprocess
import tempfile

import check
import lessons
import page
from context import Stop
from runs import write_text

# stage: the lesson, and its arguments
STAGES = {"busy": ("02", []), "busy-sleep": ("02", ["--sleep", "100"]),
          "epoll": ("03", []), "executor": ("05", []), "reactor": ("06", []),
          "library": None}


def record_library(program):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "trace.json")
        subprocess.run([program, "demo", "--figures", "--json", path],
                       stdout=subprocess.DEVNULL, check=True)
        with open(path, encoding="utf-8") as file:
            return json.load(file)


def record(stage, program):
    """The trace of a stage."""
    if stage == "library":
        return record_library(program)
    number, arguments = STAGES[stage]
    with tempfile.TemporaryDirectory() as work:
        result = check.run_plain(lessons.find(number), None,
                                 arguments=arguments, show=False, work=work)
        with open(result["trace"], encoding="utf-8") as file:
            trace = json.load(file)
    trace["program"] = stage
    return trace


def command_compare(context, options):
    """compare FILE PROGRAM LEFT RIGHT"""
    target, program, left, right = options.operands
    for stage in (left, right):
        if stage not in STAGES:
            raise Stop(f"no stage {stage}", 2)
    traces = [record(stage, program) for stage in (left, right)]
    write_text(target, page.render(traces, context.t.language))
    return 0
