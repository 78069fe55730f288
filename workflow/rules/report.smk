from hashlib import sha256
from pathlib import Path

TEMPLATE = Path(workflow.basedir, "workflow/report")
PAGE = (
    "presentation.report",
    "presentation.captions",
    "presentation.style",
    "study.equations",
    "evidence.provenance",
)


def tuned_cells():
    return [cell for name in TRAINING for cell in cells_of(name) if is_tuned(cell)]


rule report_page:
    input:
        claims=f"{RESULTS}/claims.csv",
        figures=expand(f"{RESULTS}/figures/{{figure}}.png", figure=STUDY.figures),
        captions=expand(f"{RESULTS}/figures/{{figure}}.txt", figure=STUDY.figures),
        tuned=[tuned_of(cell) for cell in tuned_cells()],
    output:
        f"{RESULTS}/report.html",
    log:
        f"{RESULTS}/logs/report.log",
    params:
        study=canonical(STUDY),
        config=sha256(canonical(STUDY).encode()).hexdigest()[:16],
        package=code_digest(["."]),
        benchmarks=f"{RESULTS}/benchmarks",
        code=code_digest(PAGE),
        # By content, so that a checkout that is moved is not taken for another one.
        template=[
            sha256(path.read_bytes()).hexdigest()
            for path in sorted(TEMPLATE.glob("page.*"))
        ],
    script:
        "../scripts/report.py"


rule report:
    input:
        rules.report_page.output,
