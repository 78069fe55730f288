# Training CartPole-v1 here and in Tianshou, in turn on one core. Seconds depend on the machine: quote the ratio.

PEERS = f"{RESULTS}/benchmarks/peers"


rule peers:
    input:
        "workflow/benchmarks/peers.txt",
    output:
        directory(PEERS),
    log:
        f"{RESULTS}/logs/peers.log",
    shell:
        "(python -m venv {output:q} && {output:q}/bin/python -m pip install --requirement {input:q}) > {log:q} 2>&1"


rule benchmarks:
    input:
        peers=PEERS,
    output:
        f"{RESULTS}/benchmarks.csv",
    log:
        f"{RESULTS}/logs/benchmarks.log",
    threads: 1
    params:
        programs=str(Path(workflow.basedir, "workflow/benchmarks")),
        repetitions=3,
    script:
        "../scripts/benchmarks.py"


rule benchmark:
    input:
        rules.benchmarks.output,
