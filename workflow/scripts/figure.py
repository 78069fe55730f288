from functools import partial
from pathlib import Path

from pg.evidence import logs, records
from pg.presentation import figures, style
from pg.study.model import Study

logs.log_to(snakemake.log[0])
study = Study.model_validate_json(snakemake.params.study)
(declared,) = study.figures.values()
tables = {name: records.read_csv(path) for name, path in snakemake.input.items() if name != "choices"}
choices = [records.read_choice(path) for path in snakemake.input.get("choices", [])]
request = figures.requested(study, declared, tables, choices)
picture = figures.draw(request)
for path in (snakemake.output.pdf, snakemake.output.png):
    records.atomically(Path(path), partial(style.save, picture))
records.write_text(figures.caption(request) + "\n", snakemake.output.caption)
