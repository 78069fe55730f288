# Speed of this project and of other libraries, on one core. Seconds depend on the machine: quote ratios.

import sys

PEERS = f"{RESULTS}/peers"
BENCHMARKS = Path(workflow.basedir, "workflow/benchmarks")
PLAN = str(BENCHMARKS / "plan.yaml")


rule peers:
    output:
        directory(PEERS),
    log:
        f"{RESULTS}/logs/peers.log",
    params:
        python=sys.executable,
        packages=(BENCHMARKS / "peers.txt").read_text(encoding="utf-8").split("\n"),
        requirements=str(BENCHMARKS / "peers.txt"),
    shell:
        "({params.python:q} -m venv {output:q}"
        " && {output:q}/bin/python -m pip install --requirement {params.requirements:q}) > {log:q} 2>&1"


rule benchmarks:
    input:
        peers=PEERS,
        plan=PLAN,
    output:
        f"{RESULTS}/benchmarks.csv",
    log:
        f"{RESULTS}/logs/benchmarks.log",
    params:
        python=sys.executable,
        program=str(BENCHMARKS / "compare.py"),
    shell:
        "{params.python:q} {params.program:q} {input.plan:q} {output:q} --peers {input.peers:q}/bin/python > {log:q} 2>&1"


rule benchmark_figure:
    input:
        rules.benchmarks.output,
    output:
        multiext(f"{RESULTS}/figures/benchmarks", ".pdf", ".png"),
    log:
        f"{RESULTS}/logs/figures/benchmarks.log",
    params:
        python=sys.executable,
        program=str(BENCHMARKS / "draw.py"),
    shell:
        "{params.python:q} {params.program:q} {input:q} {output:q} > {log:q} 2>&1"


rule benchmark:
    input:
        rules.benchmarks.output,
        rules.benchmark_figure.output,
