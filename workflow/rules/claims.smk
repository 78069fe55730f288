from itertools import chain

from pg.study.expansion import candidates


def experiments_of(claim):
    named = [part.experiments.values() for part in STUDY.claims[claim].parts.values()]
    return list(dict.fromkeys(chain.from_iterable(named)))


def records_of(claim):
    return [STUDY.experiments[name] for name in experiments_of(claim)]


def candidates_of(claim):
    found = [candidates(STUDY, part) for part in STUDY.claims[claim].parts.values()]
    return list(dict.fromkeys(chain.from_iterable(found)))


rule claim:
    input:
        tables=lambda w: expand(
            f"{RESULTS}/tables/{{name}}.csv", name=experiments_of(w.claim)
        ),
        tuned=lambda w: [tuned_of(cell) for cell in candidates_of(w.claim)],
    output:
        f"{RESULTS}/claims/{{claim}}.csv",
    log:
        f"{RESULTS}/logs/claims/{{claim}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/claims/{{claim}}.tsv"
    conda:
        "../envs/pg.yaml"
    params:
        **parameters(
            "claim.py",
            lambda w: STUDY.claims[w.claim],
            lambda w: records_of(w.claim),
        ),
        experiments=lambda w: experiments_of(w.claim),
        kinds=lambda w: sorted({record.kind for record in records_of(w.claim)}),
        candidates=lambda w: [
            (cell.experiment, cell.names) for cell in candidates_of(w.claim)
        ],
    script:
        "../scripts/job.py"


rule claims_table:
    input:
        expand(rules.claim.output, claim=STUDY.claims),
    output:
        report(
            f"{RESULTS}/claims.csv",
            caption="../report/claims.rst",
            category="Claims",
            labels={"table": "verdicts"},
        ),
    log:
        f"{RESULTS}/logs/claims.log",
    conda:
        "../envs/pg.yaml"
    params:
        script="claims.py",
        code=lambda w: code_of("claims.py"),
    script:
        "../scripts/job.py"


rule claims:
    input:
        rules.claims_table.input,
        rules.claims_table.output,
