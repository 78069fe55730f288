from pg.report import figures


def run(snakemake):
    figures.explore_figure(
        study=snakemake.params.record,
        tables=dict(snakemake.input.items()),
        output=snakemake.output[0],
    )
