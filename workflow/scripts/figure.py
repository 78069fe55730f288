from pg.report import figures


def run(snakemake):
    figures.draw_figure(
        study=snakemake.params.record,
        tables=dict(snakemake.input.items()),
        outputs=dict(snakemake.output.items()),
    )
