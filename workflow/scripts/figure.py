from pg import fork_server

if fork_server.is_running():
    fork_server.run_script()

from pg.report import figures
from pg.runs import logs

logs.log_to(snakemake.log[0])
figures.draw_figure(
    study=snakemake.params.study,
    tables={name: path for name, path in snakemake.input.items() if name != "choices"},
    choices=snakemake.input.get("choices", []),
    outputs=dict(snakemake.output.items()),
)
