from pg.evidence import records
from pg.laboratory.probing import probe
from pg.study.jobs import ProbeJob

records.log_to(snakemake.log[0])
job = ProbeJob.model_validate_json(snakemake.params.job)
policies = records.read_snapshots(snakemake.input.snapshots, job.stage, job.seeds)
records.write_csv(probe(job, policies), snakemake.output[0])
