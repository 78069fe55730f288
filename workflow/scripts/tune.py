from dataclasses import asdict
from pathlib import Path

from pg.core.threads import use_one_thread
from pg.experiments.train.tuning import tune
from pg.learning.job import TuneJob
from pg.runs import checkpoints, files, snapshots
from pg.runs.recorder import RunRecorder


def run(snakemake):
    use_one_thread()
    if same := snakemake.input.get("same"):
        files.copy(Path(same), Path(snakemake.output[0]))
    else:
        job = TuneJob.model_validate_json(snakemake.params.record)
        demonstrators = job.demonstrators
        policies = {}
        if demonstrators is not None:
            folders = snakemake.input.snapshots
            policies = snapshots.read_snapshots(folders, demonstrators.stage, demonstrators.seeds)
        recorder = RunRecorder(job.total_steps)
        identity = checkpoints.identity(snakemake.params.record, None, policies, snakemake.params.code)
        checkpoint = checkpoints.Checkpoint(snakemake.params.checkpoint, recorder, identity)
        choices = tune(job, recorder, policies, checkpoint)
        files.write_json(asdict(choices), snakemake.output[0])
        checkpoint.remove()
