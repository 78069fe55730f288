from pg.study.expansion import candidates


def experiments_of_claim(claim):
    return list(
        dict.fromkeys(
            experiment
            for part in STUDY.claims[claim].parts.values()
            for experiment in part.experiments.values()
        )
    )


def candidates_of_claim(claim):
    return list(
        dict.fromkeys(
            cell
            for part in STUDY.claims[claim].parts.values()
            for cell in candidates(STUDY, part)
        )
    )


rule claim:
    input:
        tables=lambda w: [
            f"{RESULTS}/tables/{name}.csv" for name in experiments_of_claim(w.claim)
        ],
        tuned=lambda w: [tuned_of(cell) for cell in candidates_of_claim(w.claim)],
    output:
        f"{RESULTS}/claims/{{claim}}.csv",
    log:
        f"{RESULTS}/logs/claims/{{claim}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/claims/{{claim}}.tsv"
    params:
        claim=lambda w: canonical(STUDY.claims[w.claim]),
        experiments=lambda w: experiments_of_claim(w.claim),
        kinds=lambda w: sorted(
            {STUDY.experiments[name].kind for name in experiments_of_claim(w.claim)}
        ),
        candidates=lambda w: [
            (cell.experiment, cell.names) for cell in candidates_of_claim(w.claim)
        ],
        code=lambda w: code_of(
            "claim.py",
            STUDY.claims[w.claim],
            *[STUDY.experiments[name] for name in experiments_of_claim(w.claim)],
        ),
    script:
        "../scripts/claim.py"


rule claims_table:
    input:
        [f"{RESULTS}/claims/{claim}.csv" for claim in STUDY.claims],
    output:
        report(
            f"{RESULTS}/claims.csv",
            caption="../report/claims.rst",
            category="Claims",
            labels={"table": "verdicts"},
        ),
    log:
        f"{RESULTS}/logs/claims.log",
    params:
        code=lambda w: code_of("claims.py"),
    script:
        "../scripts/claims.py"


rule claims:
    input:
        rules.claims_table.output,
