from pg.claims import judge as claims
from pg.runs import tables


def run(snakemake):
    evaluated = [tables.read_csv(path, claims.COLUMNS) for path in snakemake.input]
    tables.write_csv(claims.adjust(evaluated), snakemake.output[0])
