"""The claims as a LaTeX table."""

import re

import pandas as pd
from pg.experiments.metrics import metrics_of
from pg.report.cards import cards_of
from pg.report.claims import claim_rows
from pg.report.latex import escaped, table
from pg.study.record import Study
from tests.study.studies import study_of


def test_a_row_has_the_verdict_and_the_measured_sentence_of_its_claim(study: Study, claims: pd.DataFrame) -> None:
    cards = cards_of(study.claims, claim_rows(study, claims), {})
    written = table(cards)
    rows = [line for line in written.splitlines() if line.count(" & ") == 4][1:]

    assert len(rows) == len(cards)
    for row, card in zip(rows, cards, strict=True):
        statement, measured, _, _, verdict = row.removesuffix(r" \\").split(" & ")
        assert statement == escaped(card.statement)
        assert measured == escaped(card.findings[0]["measured"])
        assert verdict == card.verdict
    assert [written.count(rule) for rule in (r"\toprule", r"\bottomrule", r"\begin{tabular}", r"\end{tabular}")] == [
        1
    ] * 4
    assert written.count(r"\multicolumn") == len({card.section for card in cards})


def test_a_table_of_many_claims_breaks_across_pages(study: Study, claims: pd.DataFrame) -> None:
    cards = cards_of(study.claims, claim_rows(study, claims), {})
    written = table(cards * 6)

    assert r"\usepackage{booktabs,longtable}" in written
    assert written.count("{longtable}") == 2
    assert written.index(r"Verdict \\") < written.index(r"\endhead") < written.index(r"\midrule")


def test_a_table_without_sections_has_no_headings(study: Study, claims: pd.DataFrame) -> None:
    without = {name: claim.model_copy(update={"section": ""}) for name, claim in study.claims.items()}
    written = table(cards_of(without, claim_rows(study, claims), {}))

    assert r"\multicolumn" not in written
    assert written.count(r"\midrule") == 1


def test_no_character_of_a_text_is_a_command() -> None:
    assert escaped(r"50 % of a_b & {x} #1 $5 ~^\end") == (
        r"50 \% of a\_b \& \{x\} \#1 \$5 \textasciitilde{}\textasciicircum{}\textbackslash{}end"
    )
    assert escaped("R² − 1 < ∇J") == r"R$^2$ $-$ 1 $<$ $\nabla$J"


def test_every_sign_in_the_texts_of_the_lecture_is_known_to_latex() -> None:
    study = study_of("config.yaml")
    texts = [claim.statement for claim in study.claims.values()]
    texts += [part.label or "" for claim in study.claims.values() for part in claim.parts.values()]
    texts += [study.variant_label(name) for name in study.variants]
    texts += [study.environment_label(name) for name in study.environments]
    texts += [metric.label for metric in metrics_of(*study.experiments.values()).values()]

    assert re.findall(r"[^\x00-\xff]", escaped(" ".join(texts))) == []
