from pg.core.threads import use_one_thread
from pg.laboratory.job import read_job
from pg.runs import snapshots
from pg.runs.tables import write_csv


def run(snakemake):
    use_one_thread()
    job = read_job(snakemake.params.record)
    folders = snakemake.input.snapshots
    policies = snapshots.read_snapshots(folders, job.stage, job.seeds) if folders else {}
    measured = job.measure(policies)
    for name, path in snakemake.output.items():
        write_csv(measured[name], path)
