from pathlib import Path

from pg.experiments.train.choice import read_choice
from pg.report import page as report
from pg.report.tuning_checks import read_tuned
from pg.runs import provenance
from pg.runs.files import write_text
from pg.runs.tables import read_csv
from pg.study.record import Study


def run(snakemake):
    study = Study.model_validate_json(snakemake.params.record)
    page = report.Report(
        study=study,
        figures=report.read_figures(study, snakemake.input.figures, snakemake.input.captions),
        claims=read_csv(snakemake.input.claims),
        tuned=read_tuned(study, [read_choice(path) for path in snakemake.input.tuned]),
        provenance=provenance.provenance(
            snakemake.params.command,
            snakemake.params.config,
            snakemake.params.package,
            Path(snakemake.params.benchmarks),
            snakemake.params.codes,
        ),
        template=Path(snakemake.scriptdir, "../report/page.html.j2"),
    )
    write_text(report.render(page), snakemake.output[0])
