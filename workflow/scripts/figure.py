from pathlib import Path

from pg.evidence import records
from pg.presentation import figures, style
from pg.study.model import Study

study = Study.model_validate_json(snakemake.params.study)
(declared,) = study.figures.values()
tables = {name: records.read_csv(path) for name, path in snakemake.input.items() if name != "choices"}
choices = [records.read_json(path) for path in snakemake.input.get("choices", [])]
request = figures.requested(study, declared, tables, choices)
picture = figures.draw(request)
for path in (snakemake.output.print, snakemake.output.png):
    style.save(picture, Path(path))
records.write_text(figures.caption(request) + "\n", snakemake.output.caption)
