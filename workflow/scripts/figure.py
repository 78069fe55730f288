import sys
from pathlib import Path

from pg import studio

order = {
    "study": snakemake.params.study,
    "tables": {name: path for name, path in snakemake.input.items() if name != "choices"},
    "choices": list(snakemake.input.get("choices", [])),
    "outputs": dict(snakemake.output.items()),
}
try:
    studio.draw(order)
except studio.DrawingFailed as failed:
    Path(snakemake.log[0]).write_text(f"{failed}\n", encoding="utf-8")
    sys.exit(str(failed))
