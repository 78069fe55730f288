# Training CartPole-v1 here and in Tianshou, in turn on one core. Seconds depend on the machine: quote the ratio.

import sys

PEERS = f"{RESULTS}/peers"
PROGRAMS = Path(workflow.basedir, "workflow/benchmarks")


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
    output:
        f"{RESULTS}/benchmarks.csv",
    log:
        f"{RESULTS}/logs/benchmarks.log",
    threads: 1
    params:
        programs=str(PROGRAMS),
        repetitions=3,
    script:
        "../scripts/benchmarks.py"


rule benchmark:
    input:
        rules.benchmarks.output,
