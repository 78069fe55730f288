from functools import partial

from pg.experiments.tables import further_table
from pg.runs.tables import read_csv, read_grouped, write_csv
from pg.study.expansion import cells
from pg.study.record import Study
from pg.study.sources import places_of


def run(snakemake):
    study = Study.model_validate_json(snakemake.params.record)
    ((name, experiment),) = study.experiments.items()
    columns = experiment.more_tables[snakemake.wildcards.table]
    read = partial(read_csv, columns=("seed", "variant", *columns))
    rows = read_grouped(snakemake.input, places_of(study, name), read)
    write_csv(further_table(cells(study, name), columns, rows), snakemake.output[0])
