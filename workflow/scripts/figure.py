from pg.report import figures


def run(snakemake):
    figures.draw_figure(
        study=snakemake.params.record,
        tables={name: path for name, path in snakemake.input.items() if name != "choices"},
        choices=snakemake.input.get("choices", []),
        outputs=dict(snakemake.output.items()),
    )
