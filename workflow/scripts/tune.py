from dataclasses import asdict

import torch
from pg.evidence import records, tuning
from pg.learning.training import tune
from pg.study.jobs import TuneJob

torch.set_num_threads(1)  # sums of several threads differ in their last digits
records.log_to(snakemake.log[0], snakemake.params.code)
job = TuneJob.model_validate_json(snakemake.params.job)
recorder = records.RunRecorder(job.budget.steps * len(job.tuning.grid) * job.tuning.seeds)
tune(job, recorder, records.read_demonstrators(snakemake.input.demonstrators, job.demonstrators))
choice = tuning.choose(tuning.scores(recorder.frame(), job.budget.steps))
records.write_json(asdict(choice), snakemake.output[0])
