# Speed of this project and of other libraries, on one core. Seconds depend on the machine: quote ratios.

import os
import sys

PEERS = f"{RESULTS}/peers"
BENCHMARKS = os.path.relpath(HOME / "workflow/benchmarks")
PLAN = f"{BENCHMARKS}/plan.yaml"


rule peers:
    input:
        requirements=f"{BENCHMARKS}/peers-{{peers}}.txt",
    output:
        directory(f"{PEERS}/{{peers}}"),
    log:
        f"{RESULTS}/logs/peers/{{peers}}.log",
    conda:
        "../envs/pg.yaml"
    params:
        python=sys.executable,
    shell:
        "({params.python:q} -m venv {output:q}"
        " && {output:q}/bin/python -m pip install --requirement {input.requirements:q}) > {log:q} 2>&1"


rule benchmarks:
    input:
        peers=expand(f"{PEERS}/{{peers}}", peers=("torch", "jax")),
        plan=PLAN,
    output:
        f"{RESULTS}/benchmarks.csv",
    log:
        f"{RESULTS}/logs/benchmarks.log",
    conda:
        "../envs/pg.yaml"
    params:
        python=sys.executable,
        program=f"{BENCHMARKS}/compare.py",
        peers=lambda w, input: os.path.dirname(input.peers[0]),
    shell:
        "{params.python:q} {params.program:q} {input.plan:q} {output:q} --peers {params.peers:q} > {log:q} 2>&1"


rule benchmark_figure:
    input:
        rules.benchmarks.output,
    output:
        multiext(f"{RESULTS}/benchmarks", ".pdf", ".png"),
    log:
        f"{RESULTS}/logs/benchmark_figure.log",
    conda:
        "../envs/pg.yaml"
    params:
        python=sys.executable,
        program=f"{BENCHMARKS}/draw.py",
    shell:
        "{params.python:q} {params.program:q} {input:q} {output:q} > {log:q} 2>&1"


rule benchmark:
    input:
        rules.benchmarks.output,
        rules.benchmark_figure.output,
