from pg import fork_server

if fork_server.is_running():
    fork_server.run_script()

import torch
from pg.laboratory.job import read_job
from pg.runs import logs, snapshots
from pg.runs.tables import write_csv

torch.set_num_threads(1)  # sums of several threads differ in their last digits
logs.log_to(snakemake.log[0], snakemake.params.code)
job = read_job(snakemake.params.job)
folders = snakemake.input.get("snapshots", [])
policies = snapshots.read_snapshots(folders, job.stage, job.seeds) if folders else {}
measured = job.measure(policies)
for name, path in snakemake.output.items():
    write_csv(measured[name], path)
