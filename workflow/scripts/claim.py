from pg.claims import judge as claims
from pg.claims import selection
from pg.claims.record import Claim
from pg.experiments.lookup import kind_named
from pg.experiments.train.choice import read_choices
from pg.runs.tables import read_csv, write_csv


def run(snakemake):
    experiments, candidates = snakemake.params.experiments, snakemake.params.candidates
    claim = Claim.model_validate_json(snakemake.params.record)
    tables = dict(zip(experiments, map(read_csv, snakemake.input.tables), strict=True))
    choices = list(zip(candidates, map(read_choices, snakemake.input.tuned), strict=True))
    tuned = {
        experiment: selection.standings((names, choice) for (name, names), choice in choices if name == experiment)
        for experiment, _ in candidates
    }
    metrics = {metric.name: metric for kind in snakemake.params.kinds for metric in kind_named(kind).metrics}
    write_csv(claims.evaluate(snakemake.wildcards.claim, claim, tables, tuned, metrics), snakemake.output[0])
