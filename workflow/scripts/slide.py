from pg.report import slides


def run(snakemake):
    tables = dict(snakemake.input.items())
    slides.draw_slide(
        study=snakemake.params.record,
        claim=snakemake.params.claim,
        claims=tables.pop("judged"),
        tables=tables,
        output=snakemake.output[0],
    )
