import torch
from pg.evidence import records
from pg.learning.training import train
from pg.study.jobs import TrainJob

torch.set_num_threads(1)  # sums of several threads differ in their last digits
records.log_to(snakemake.log[0], snakemake.params.code)
job = TrainJob.model_validate_json(snakemake.params.job)
tuned = snakemake.input.tuned
rate = records.read_json(tuned)["learning_rate"] if tuned else job.declared_rate
recorder = records.RunRecorder(job.budget.steps * len(job.seeds), snakemake.output.snapshots)
train(job, rate, recorder, records.read_demonstrators(snakemake.input.demonstrators, job.demonstrators))
if job.evaluate is not None:
    records.write_csv(recorder.evaluations(), snakemake.output.evaluations)
records.write_csv(recorder.frame(), snakemake.output.rows)
