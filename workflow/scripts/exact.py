from pg.evidence import records
from pg.laboratory.expectations import exact_rows
from pg.study.jobs import ExactJob

records.log_to(snakemake.log[0])
job = ExactJob.model_validate_json(snakemake.params.job)
records.write_csv(exact_rows(job.environment, job.variants, job.seeds, job.limit), snakemake.output[0])
