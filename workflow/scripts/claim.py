from pg import fork_server

if fork_server.is_running():
    fork_server.run_script()

from pg.claims import judge as claims
from pg.claims import selection
from pg.claims.record import Claim
from pg.runs import logs, records

logs.log_to(snakemake.log[0])
experiments, candidates = snakemake.params.experiments, snakemake.params.candidates
claim = Claim.model_validate_json(snakemake.params.claim)
tables = dict(zip(experiments, map(records.read_csv, snakemake.input.tables), strict=True))
choices = list(zip(candidates, map(records.read_choice, snakemake.input.tuned), strict=True))
tuned = {
    experiment: selection.standings((names, choice) for (held_by, names), choice in choices if held_by == experiment)
    for experiment, _ in candidates
}
records.write_csv(claims.evaluate(snakemake.wildcards.claim, claim, tables, tuned), snakemake.output[0])
