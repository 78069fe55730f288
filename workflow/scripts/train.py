from pathlib import Path

from pg.core.threads import use_one_thread
from pg.experiments.train.choice import rates_of, read_choices
from pg.learning.job import TrainJob
from pg.learning.training import train
from pg.runs import checkpoints, snapshots
from pg.runs.files import copy
from pg.runs.recorder import RunRecorder
from pg.runs.tables import write_csv


def run(snakemake):
    use_one_thread()
    if snakemake.input.get("same"):
        for same, output in zip(snakemake.input.same, snakemake.output, strict=True):
            copy(Path(same), Path(output))
    else:
        job, tuned = TrainJob.model_validate_json(snakemake.params.record), snakemake.input.tuned
        rates = rates_of(read_choices(tuned), job.seeds) if tuned else job.declared_rates
        demonstrators = job.demonstrators
        policies = {}
        if demonstrators is not None:
            folders = snakemake.input.snapshots
            policies = snapshots.read_snapshots(folders, demonstrators.stage, demonstrators.seeds)
        recorder = RunRecorder(job.total_steps, snakemake.output.snapshots)
        identity = checkpoints.identity(snakemake.params.record, rates, policies, snakemake.params.code)
        checkpoint = checkpoints.Checkpoint(snakemake.params.checkpoint, recorder, identity)
        train(job, rates, recorder, policies, checkpoint)
        write_csv(recorder.evaluations(), snakemake.output.evaluations)
        write_csv(recorder.frame(), snakemake.output.rows)
        snapshots.write_digests(snakemake.output.snapshots)
        checkpoint.remove()
