import gc

from pg.report import figures


def run(snakemake):
    # The process ends with the picture. Collecting garbage would take a tenth of its time.
    gc.disable()
    figures.draw_figure(
        study=snakemake.params.record,
        tables=dict(snakemake.input.items()),
        outputs=dict(snakemake.output.items()),
    )
