from pg.experiments.comparisons import TABLES
from pg.runs.tables import read_csv, write_csv
from pg.study.record import Study


def run(snakemake):
    study = Study.model_validate_json(snakemake.params.record)
    (experiment,) = study.experiments.values()
    make = TABLES[snakemake.wildcards.table]
    write_csv(make(read_csv(snakemake.input[0]), experiment, study.variants), snakemake.output[0])
