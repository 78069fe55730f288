from hashlib import sha256
from pathlib import Path

from pg.claims.verification import read_reference
from pg.experiments.train.choice import read_choices
from pg.report import play
from pg.report.claims import claim_rows
from pg.report.descriptions import tuned_rows
from pg.report.latex import table
from pg.report.page import in_sections, render
from pg.report.pictures import pictures_of
from pg.runs import provenance
from pg.runs.files import write_text
from pg.runs.tables import read_csv
from pg.study.files import declared_in
from pg.study.record import Study


def run(snakemake):
    study = Study.model_validate_json(snakemake.params.record)
    claims = read_csv(snakemake.input.claims)
    page = render(
        study=study,
        pictures=pictures_of(study, snakemake.input.figures, snakemake.input.captions),
        claims=claims,
        tuned=tuned_rows(study, [read_choices(path) for path in snakemake.input.tuned]),
        provenance=provenance.provenance(
            snakemake.params.command,
            sha256(snakemake.params.record.encode()).hexdigest()[:16],
            Path(snakemake.params.benchmarks),
            snakemake.params.codes,
        ),
        replication=read_csv(snakemake.input.replication[0]) if snakemake.input.replication else None,
        others=[read_reference(Path(path).parent) for path in snakemake.input.others],
        places=declared_in(map(Path, snakemake.params.files)),
        plays=play.read(snakemake.input.explorables),
        template=Path(__file__).parent / "../report/page.html.j2",
    )
    write_text(page, snakemake.output.page)
    write_text(table(in_sections(study, claim_rows(study, claims))), snakemake.output.latex)
