from pg.evidence import records
from pg.laboratory.measurement import measure
from pg.study.jobs import LABORATORY_JOBS

records.log_to(snakemake.log[0], snakemake.params.code)
job = LABORATORY_JOBS.validate_json(snakemake.params.job)
folders = snakemake.input.get("snapshots", [])
policies = records.read_snapshots(folders, job.stage, job.seeds) if folders else {}
records.write_csv(measure(job, policies), snakemake.output[0])
