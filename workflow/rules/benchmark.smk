# All systems in turn on one core. Seconds depend on the machine: quote ratios.

import sys

PEERS = f"{RESULTS}/peers"
PROGRAMS = Path(workflow.basedir, "workflow/benchmarks")
PLAN = str(PROGRAMS / "plan.yaml")


rule peers:
    output:
        directory(PEERS),
    log:
        f"{RESULTS}/logs/peers.log",
    params:
        python=sys.executable,
        packages=(PROGRAMS / "peers.txt").read_text(encoding="utf-8").split("\n"),
        requirements=str(PROGRAMS / "peers.txt"),
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
    threads: 1
    params:
        programs=str(PROGRAMS),
    script:
        "../scripts/benchmarks.py"


rule benchmark_figure:
    input:
        table=rules.benchmarks.output[0],
        plan=PLAN,
    output:
        pdf=f"{RESULTS}/figures/benchmarks.pdf",
        png=f"{RESULTS}/figures/benchmarks.png",
        caption=f"{RESULTS}/figures/benchmarks.txt",
    log:
        f"{RESULTS}/logs/figures/benchmarks.log",
    script:
        "../scripts/benchmark_figure.py"


rule benchmark:
    input:
        rules.benchmarks.output,
        rules.benchmark_figure.output,
