"""The page holds everything that was measured, opens without a network and trusts no string."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from pg.claims.judge import VERDICTS
from pg.claims.record import ClaimPart
from pg.claims.verification import Reference
from pg.environments.record import Environment
from pg.experiments.metrics import METRICS
from pg.experiments.registry import KINDS
from pg.plotting.style import contrast
from pg.report.claims import claim_rows
from pg.report.descriptions import experiment_row
from pg.report.page import section_rank, sections_of
from pg.report.pictures import Picture, pictures_of
from pg.runs.tables import read_csv, write_csv
from pg.statistics import coverage
from pg.study.record import Report, Study
from PIL import Image
from tests.study.studies import ROOT, study_of

Pages = Callable[..., str]

HOSTILE = "<script>alert(1)</script>"


class Page(HTMLParser):
    """Collects tags with their attributes, and checks that they close."""

    VOID = ("meta", "img", "br", "link", "input", "hr")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def every(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def between(text: str, start: str, end: str) -> str:
    return text[text.index(start) : text.index(end, text.index(start))]


def test_holm_s_method_is_for_primary_parts_alone(study: Study, claims: pd.DataFrame) -> None:
    undecided = claims.iloc[[3, 3, 0]].assign(primary=[True, False, True], verdict="undecided")
    primary, other, _ = (row["outlook"] for row in claim_rows(study, undecided))
    (alone,) = (row["outlook"] for row in claim_rows(study, claims.iloc[[3]]))
    assert other == alone != primary


def card(text: str, claim: str) -> str:
    return between(text, f'<article class="card" id="claim-{claim}"', "</article>")


@pytest.fixture
def text(make_page: Pages) -> str:
    return make_page()


def test_the_page_is_complete_html_and_loads_nothing_from_elsewhere(text: str, study: Study) -> None:
    page = Page(text)
    sources = [image["src"] or "" for image in page.every("img")]
    targets = {link["href"] or "" for link in page.every("a")}
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}

    assert page.open == []
    assert len(sources) == len(study.figures)
    assert all(source.startswith("data:image/webp;base64,") for source in sources)
    assert not re.search(r"https?:|@import|url\(", text)
    assert not page.every("link")
    assert not any("src" in script for script in page.every("script"))
    assert {target[1:] for target in targets if target.startswith("#")} <= ids


def test_every_part_of_every_claim_is_in_the_table_with_its_metric(text: str, claims: pd.DataFrame) -> None:
    table = unescape(between(text, 'id="claims-table"', "</table>"))

    assert table.count("<tr") - 1 == len(claims)
    for row in claims.itertuples():
        assert f'<a href="#claim-{row.claim}">{row.claim}</a> / {row.part}' in table
        assert f'data-verdict="{row.verdict}"' in table
        assert f'<a href="#metric-{row.metric}">{METRICS[str(row.metric)].label}</a>' in table


def test_every_metric_of_a_claim_is_defined_in_the_open(text: str, claims: pd.DataFrame) -> None:
    defined = unescape(between(text, '<details id="metrics">', "</details>"))

    for name in claims["metric"].unique():
        assert f'<dt id="metric-{name}">{METRICS[name].label}</dt>' in defined
    assert "`" not in defined, "other metrics are named by their labels"
    assert METRICS["relative_bias_noise"].label in defined
    assert "title=" not in text


def test_a_card_shows_findings_tests_equations_and_where_they_come_from(
    make_page: Pages, claims: pd.DataFrame, study: Study
) -> None:
    page = make_page(claims=claims.assign(coverage=["86 % on skewed data at n = 20", "", "", ""]))
    shown = card(page, "causality").replace("\N{NO-BREAK SPACE}", " ")

    for said in (
        "Reward-to-go lowers the variance of the gradient.</h3>",
        "The variance of the gradient estimate with “reward-to-go” is 44 % (42 % to 47 %) of that with “total return”",
        "over all cases 0.410 to 0.480",
        '<td data-label="p" class="num">&lt; 0.001</td>',
        '<figure id="figure-variance"',
        'Such intervals <a href="#intervals">cover</a> 86 % on skewed data at n = 20',
        '<a href="tables/probe.csv">tables/probe.csv</a>',
        "<code>metric = total_variance, variant = to_go, batch = 16</code>; and <code>",
        "<code>claims.causality</code> in <code>study.yaml:7</code>",
        "<code>experiments.probe</code> in <code>base/probes.yaml:3</code>",
        f"<summary>The equations: {study.variant_label('to_go')}; {study.variant_label('total')}</summary>",
    ):
        assert said in shown
    assert shown.count('class="equation"') == 2


def test_a_card_tells_the_headline_first_and_then_what_contradicts_it(
    make_page: Pages, study: Study, text: str
) -> None:
    told = re.findall(r'<p class="finding">.*?<span class="hidden">([a-z ]+): </span>', card(text, "causality"))
    assert told == ["supported", "mixed"]

    causality = study.claims["causality"].model_copy(update={"headline": "bias"})
    page = make_page(study=study.model_copy(update={"claims": {**study.claims, "causality": causality}}))
    told = re.findall(r'<p class="finding">.*?<span class="hidden">([a-z ]+): </span>', card(page, "causality"))
    assert told == ["mixed", "supported"]


def test_a_figure_of_several_claims_is_on_the_page_once(text: str, study: Study) -> None:
    assert text.count('<figure id="figure-variance"') == 1
    assert '<a href="#figure-variance">variance</a></p>' in card(text, "good_baseline")
    assert all(text.count(f'<figure id="figure-{name}"') == 1 for name in study.figures)


def test_pictures_say_in_words_what_they_show(text: str) -> None:
    pictures = {image["alt"] for image in Page(text).every("img") if image["alt"]}

    assert any("is 44\N{NO-BREAK SPACE}%" in alt for alt in pictures), "the finding of the first claim"
    assert "Caption of tuning." in pictures, "no claim names it"


def test_figures_without_a_claim_are_folded_unless_readers_can_play_with_them() -> None:
    pictures = [Picture(name, "Recap", "one_column", b"", [], {}) for name in ("played", "other")]
    (section,) = sections_of(pictures, [], {"played"}, {})

    assert [one.name for one in section.shown] == ["played"]
    assert [one.name for one in section.folded] == ["other"]


def test_a_claim_about_tuned_learners_counts_selections(text: str) -> None:
    assert "4 of 5 selections in favour" in card(text, "good_baseline")
    assert text.count("selections in favour") == 1


def test_the_interval_of_an_equality_is_that_of_its_test(make_page: Pages, study: Study) -> None:
    causality = study.claims["causality"]
    equal = causality.parts["variance"].model_copy(update={"relation": "equal", "margin": 0.1})
    changed = causality.model_copy(update={"parts": {**causality.parts, "variance": equal}})

    page = make_page(study=study.model_copy(update={"claims": {**study.claims, "causality": changed}}))

    assert "0.420 to 0.470<br><small>90 %</small>" in card(page, "causality")


def test_the_table_sorts_and_filters(text: str) -> None:
    page = Page(text)
    scripts = text[text.rindex("<script>") :]

    assert sum("aria-sort" in heading for heading in page.every("th")) == 6
    assert "aria-sort" in scripts
    assert "dataset.verdict" in scripts
    filters = [button["data-verdict"] for button in page.every("button") if "data-verdict" in button]
    assert filters == ["", *VERDICTS]


def test_the_page_begins_with_findings_and_a_map_of_all_claims(text: str, claims: pd.DataFrame) -> None:
    first, mapped = between(text, 'id="findings"', "</section>"), between(text, "<nav", "</nav>")

    for row in claims[claims["primary"]].itertuples():
        assert f'<a href="#claim-{row.claim}">“{row.statement}”</a>' in first
        assert f"</span>{row.statement}</a>" in mapped
    assert first.count("<article") == first.count('<svg class="strip') == claims["primary"].sum()
    assert text.index('id="findings"') < text.index("<nav") < text.index("<table")


def test_a_mixed_claim_shows_both_findings_first(make_page: Pages) -> None:
    first = between(make_page(), 'id="findings"', "</section>")

    assert re.search(r"The variance of the gradient estimate with “reward-to-go” is .* But: with", first)


def test_a_test_that_correction_overrules_is_told(make_page: Pages, claims: pd.DataFrame) -> None:
    verdicts = claims.assign(claim_verdict=["supported", "supported", "refuted", "undecided"])
    page = make_page(claims=verdicts.assign(verdict=["supported", "refuted", "refuted", "undecided"]))

    assert "Among the claim’s 2 tests, one such result can be chance" in card(page, "causality")
    assert "Among the claim’s" not in card(page, "good_baseline")
    assert "Among the claim’s" not in card(make_page(), "causality")


def test_a_test_that_only_correction_leaves_open_says_so(make_page: Pages, claims: pd.DataFrame) -> None:
    said = "Among the tests of all claims, one such result can be chance"

    assert said not in card(make_page(), "large_batches")
    assert said in card(make_page(claims=claims.assign(p_value=[1e-9, float("nan"), 0.011, 0.04])), "large_batches")


def test_claims_are_counted_by_their_own_verdict(text: str) -> None:
    tally = between(text, 'class="tally"', "</p>")
    counts = ("1 refuted", "1 mixed", "1 undecided")

    assert re.findall(r"</svg> (.*?)</span>", tally) == list(counts)
    assert re.findall(r"</svg> (.*?)</span>", card(text, "causality"))[0] == "mixed"


def test_each_verdict_has_a_shape_of_its_own(text: str) -> None:
    shapes = [between(text, f'id="mark-{verdict.replace(" ", "-")}"', "</symbol>") for verdict in VERDICTS]

    assert len({re.sub(r"^[^>]*>", "", shape) for shape in shapes}) == len(VERDICTS)


def test_colours_of_verdicts_and_text_are_dark_enough_for_text_on_white() -> None:
    styles = (ROOT / "workflow/report/page.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--(\w+): (#\w{6});", styles))
    names = ("ink", "soft", "link", "flagged", "supported", "refuted", "mixed", "undecided")

    assert {name for name in names if contrast(colours[name]) < 4.5} == set()


def test_flags_of_copies_are_not_counted(make_page: Pages) -> None:
    rate = {"experiment": "ladder", "environment": "CartPole-v1", "tried": "0.001 to 0.1", "selections": 5, "seeds": 3}
    rate |= {"learning_rates": "0.01 (5)", "flags": ["edge of the rates tried in 1 of 5 selections"]}
    rows = [rate | {"variant": name, "is_copy": name == "idle"} for name in ("total", "to_go", "idle")]

    assert "2 of 2 learners" in make_page(tuned=rows)


def test_only_an_undecided_claim_says_what_would_decide_it(text: str, claims: pd.DataFrame) -> None:
    assert claims["verdict"].tolist().count("undecided") == 1
    assert len(re.findall(r"If the effect is as large as measured, \d+ seeds instead of 20", text)) == 1


def test_the_equation_of_every_variant_is_on_the_page_once(text: str, study: Study) -> None:
    assert text.count('class="equation"') == len(study.variants)
    for name in study.variants:
        written = between(text, f'<div class="variant" id="variant-{name}"', "</div>")
        assert "<math" in written
        assert "\\" not in written


def test_sections_follow_the_declared_order_and_others_come_last(make_page: Pages, study: Study) -> None:
    headings = re.findall(r"<h2 id=.*?>(.*?)</h2>", make_page(study=study))
    sections = {"Introducing baselines": "Why one subtracts.", "Using causality": None}
    page = make_page(study=study.model_copy(update={"report": Report(sections=sections)}))
    reordered = re.findall(r"<h2 id=.*?>(.*?)</h2>", page)
    lecture = [*study_of("config.yaml").report.sections]

    assert reordered.index("Introducing baselines") < reordered.index("Using causality") < reordered.index("Details")
    assert sorted(headings) == sorted(reordered)
    assert "Introducing baselines</h2>\n<p>Why one subtracts.</p>" in page
    assert section_rank("Baseline edition (jacket)", lecture) == (lecture.index("Baseline edition"), False)
    assert section_rank("what does the gradient do; Summary", lecture) > section_rank("Using causality", lecture)
    assert (
        section_rank("Recap (π(a\N{DIVIDES}o))", lecture)
        < section_rank("Imitation recap", lecture)
        < section_rank("Off-policy version", lecture)
    )
    assert section_rank("Appendix", lecture) == (len(lecture), False) < section_rank("", lecture)


def test_a_declared_section_is_shown_for_its_text_alone(make_page: Pages, study: Study) -> None:
    sections = {"Setup": "What was trained.", "Using causality": None, "Unused": None}
    page = make_page(study=study.model_copy(update={"report": Report(sections=sections)}))

    assert "Setup</h2>\n<p>What was trained.</p>" in page
    assert page.index("Setup</h2>") < page.index("Using causality</h2>")
    assert "Unused" not in page


def test_the_page_says_whose_study_it_is_and_what_it_is_about(make_page: Pages, study: Study) -> None:
    report = Report(authors="Ada <Lovelace>", introduction="First.\n\nSecond\nparagraph.")
    page = make_page(study=study.model_copy(update={"report": report}))

    assert '<h1>A synthetic study</h1>\n<p class="authors">Ada &lt;Lovelace&gt;</p>' in page
    assert "<p>First.</p>\n<p>Second\nparagraph.</p>" in page
    assert "lecture" not in page


def test_environments_have_their_options_as_in_the_study_file(make_page: Pages, study: Study) -> None:
    options = {"kwargs": {"gravity": 9.0}, "rewards": {"normalise": True}, "observations": {"hide": (1, "x")}}
    changed = Environment.model_validate({"id": "CartPole-v1", "horizon": 9, "failed_below": 4.0, **options})
    text = make_page(study=study.model_copy(update={"environments": study.environments | {"cartpole": changed}}))
    row = between(text, "<td><code>CartPole-v1</code></td>", "</tr>")

    assert re.findall("<code>(.*?)</code>", row)[1:] == [
        "kwargs: {gravity: 9.0}",
        "failed_below: 4.0",
        "rewards: {normalise: true}",
        "observations: {hide: [1, x]}",
    ]
    assert "<code>" not in between(text, "InvertedPendulum-v5</code></td>", "</tr>")


def test_claims_without_a_section_are_below_a_plain_heading(make_page: Pages, study: Study) -> None:
    claims = {name: claim.model_copy(update={"section": ""}) for name, claim in study.claims.items()}
    page = make_page(study=study.model_copy(update={"claims": claims}))

    assert ">Further claims and figures</h2>" in page
    assert all(f'id="claim-{name}"' in page for name in claims)


def test_hostile_strings_are_escaped(make_page: Pages, study: Study, claims: pd.DataFrame) -> None:
    variants = {name: one.model_copy(update={"label": HOSTILE}) for name, one in study.variants.items()}
    environments = {name: one.model_copy(update={"label": HOSTILE}) for name, one in study.environments.items()}
    figures = {name: one.model_copy(update={"section": HOSTILE}) for name, one in study.figures.items()}
    hostile = study.model_copy(
        update={"name": HOSTILE, "variants": variants, "environments": environments, "figures": figures}
    )
    claims = claims.assign(**dict.fromkeys(["statement", "section", "comparison", "verdict", "claim_verdict"], HOSTILE))
    text = make_page(study=hostile, claims=claims, provenance={HOSTILE: HOSTILE})

    assert HOSTILE not in text
    assert len(Page(text).every("script")) == 1


def test_provenance_is_named_in_its_block_alone(make_page: Pages) -> None:
    pages = [make_page(provenance={"wall time": time}) for time in ("9 min", "11 min")]
    differing = [(a, b) for a, b in zip(*(page.splitlines() for page in pages), strict=True) if a != b]

    assert len(differing) == 1
    assert "<dt>wall time</dt>" in differing[0][0]


def test_tuned_rates_are_flagged_and_may_be_missing(make_page: Pages, text: str, claims: pd.DataFrame) -> None:
    assert text.count("edge of the rates tried</span>") == 1
    assert "No learning rate was tuned" in make_page(claims=claims.iloc[:0], tuned=[])


def test_claims_read_back_from_csv_look_the_same(make_page: Pages, claims: pd.DataFrame, tmp_path: Path) -> None:
    write_csv(claims, tmp_path / "claims.csv")

    assert make_page(claims=read_csv(tmp_path / "claims.csv")) == make_page()


def test_comparisons_name_labels_and_rows_keys(make_page: Pages, claims: pd.DataFrame) -> None:
    compared = "to_go (batch 16) / total (batch 16) < 1 in cartpole, late; Student's t on logarithms"
    page = make_page(claims=claims.assign(comparison=[compared, *claims["comparison"][1:]]))
    shown = "“reward-to-go” (batch 16) / “total return” (batch 16) &lt; 1 in CartPole-v1, late; Student&#39;s t"

    assert shown in card(page, "causality")
    assert "to_go (batch" not in page


TOTAL = {"variant": "total", "batch": 16}


@pytest.mark.parametrize(
    ("sides", "written", "shown"),
    [
        (
            {"a": {"variant": "total"}, "relation": "exact", "margin": 1e-10},
            "|total| ≤ 1e-10 in all of 20 cases; largest in cartpole, random, seed 2",
            "|“total return”| ≤ 1e-10 in all of 20 cases; largest in CartPole-v1, random, seed 2",
        ),
        (
            {"a": {"variant": "to_go"}, "share_of": {"zero": TOTAL, "one": TOTAL | {"metric": "least_variance"}}},
            "share of the change from total (batch 16) to total reached by to_go > 0.5",
            "share of the change from “total return” (batch 16) to “total return” reached by “reward-to-go” > 0.5",
        ),
        (
            {
                "a": {"best_of": [{"variant": "to_go"}, {"variant": "total"}]},
                "b": {"best_of": [{"variant": "normalised"}]},
                "reference": None,
            },
            (
                "[best of 9 candidates: to_go in 3 of 5 selections, total in 2 of 5 selections] − "
                "[best of 4 candidates: normalised] < 0 in cartpole; Fieller"
            ),
            (
                "[best of 2 candidates, 9 with their learning rates: “reward-to-go” in 3 of 5 selections, "
                "“total return” in 2 of 5 selections] − "
                "[best of 1 candidate, 4 with their learning rates: “normalised”] < 0 in CartPole-v1; Fieller"
            ),
        ),
        (
            {"a": {"variant": "to_go"}},
            "to_go − total < 0; total in a word of its own",
            "“reward-to-go” − total < 0; total in a word of its own",
        ),
        (
            {"a": {"variant": "to_go"}, "b": {"variant": "total"}, "reference": None},
            "to_go − total < 0 in cartpole; Fieller; the least certain is in cartpole: 0.1",
            "“reward-to-go” − “total return” < 0 in CartPole-v1; Fieller; the least certain is in CartPole-v1: 0.1",
        ),
    ],
)
def test_every_kind_of_comparison_is_put_into_labels(
    study: Study, claims: pd.DataFrame, sides: dict[str, object], written: str, shown: str
) -> None:
    part = {"experiment": "ladder", "metric": "area", "reference": 1.0, "relation": "less", **sides}
    claim = study.claims["causality"].model_copy(update={"parts": {"variance": ClaimPart.model_validate(part)}})
    declared = study.model_copy(update={"claims": {"causality": claim}})
    (laid_out,) = claim_rows(declared, claims.iloc[:1].assign(comparison=written, mean_zero=4.0, mean_one=1.0))

    assert laid_out["comparison"] == shown


def test_the_measured_coverage_of_every_kind_of_interval_is_listed(text: str) -> None:
    section = between(text, '<details id="intervals">', "</details>")
    measured = coverage.measured()

    assert section.count("<tr>") - 1 == len({(row.statistic, row.groups) for row in measured if row.n == 20})
    assert section.count('class="short-of"') == sum(row.n == 20 and not row.holds for row in measured)


def test_a_figure_links_to_its_files_and_tables(study: Study, tmp_path: Path) -> None:
    Image.new("RGB", (4, 3)).save(tmp_path / "picture.png")
    (tmp_path / "caption.txt").write_text("content", encoding="utf-8")
    files = [str(tmp_path / name) for name in ("picture.png", "caption.txt")]
    kinds = {"learning_curves": "svg", "tuning": "pdf"}
    figures = {name: study.figures[name].model_copy(update={"format": kind}) for name, kind in kinds.items()}
    curves, tuning = pictures_of(study.model_copy(update={"figures": figures}), [files[0]] * 2, [files[1]] * 2)

    assert curves.links == {
        "SVG": "figures/learning_curves.svg",
        "PNG": "figures/learning_curves.png",
        "curves": "tables/ladder-curves.csv",
        "mean curves": "tables/ladder-means.csv",
        "intervals": "tables/ladder-summary.csv",
    }
    assert tuning.links["scores of tuning"] == "tables/ladder-tuned.csv"


def test_every_kind_of_experiment_says_how_much_it_takes() -> None:
    smoke = study_of("workflow/studies/smoke.yaml")

    extents = {
        one["kind"]: one["extent"] for one in (experiment_row(smoke, *item) for item in smoke.experiments.items())
    }

    assert set(extents) == set(KINDS)
    learning = experiment_row(smoke, "learning", smoke.experiments["learning"])
    assert learning["extent"] == "per seed 1,500 environment steps or 20 iterations, whichever comes first"
    assert extents["train"] == "per seed 500 environment steps"
    assert extents["gait"] == "2 episodes per policy; policies of humanoid, initial and late"
    assert extents["horizon"] == ("32 trajectories per policy, cut off at 5, 20, 50; policies of learning, late")


def test_comparisons_with_other_seeds_are_in_the_section_on_trust(make_page: Pages, text: str) -> None:
    rows = [("a", "b", 29, 28, 400, 332, "<c>: undecided, then supported"), ("a", "c", 29, 29, 400, 330, None)]
    columns = ["first", "second", "claims", "agreeing", "intervals", "captured", "changed"]
    page = make_page(replication=pd.DataFrame(rows, columns=columns))
    trust = between(page, '<details id="intervals">', "</details>")
    for said in ("28 of 29", "83&nbsp;% of 400", "&lt;c&gt;: undecided", "<td>none</td>"):
        assert said in trust
    assert "repeated with other seeds" not in text


def test_a_card_says_where_other_seeds_gave_another_verdict(make_page: Pages, study: Study, text: str) -> None:
    rows = [
        (study.name, "b", 29, 28, 400, 332, "causality: supported, then undecided"),
        (study.name, "c", 29, 27, 400, 330, "causality: supported, then refuted; other: refuted, then mixed"),
        ("b", "c", 29, 28, 400, 330, "causality: undecided, then mixed"),
    ]
    columns = ["first", "second", "claims", "agreeing", "intervals", "captured", "changed"]
    page = make_page(replication=pd.DataFrame(rows, columns=columns))
    assert "this claim was undecided in 1 of 2 runs and refuted in 1 of 2 runs:" in card(page, "causality")
    assert "28 and 27 of 29" in between(page, '<p class="note">', "</p>")
    mapped = between(page, '<nav id="map"', "</nav>")
    assert mapped.count("(with other seeds: undecided in 1 of 2 runs and refuted in 1 of 2 runs)</a>") == 1
    assert "other seeds" not in card(text, "causality")


def test_a_part_has_a_label_of_its_own(make_page: Pages, study: Study) -> None:
    claim = study.claims["causality"]
    named = {**claim.parts, "bias": claim.parts["bias"].model_copy(update={"label": "exact bias, <N = 2>"})}
    other = study.model_copy(
        update={"claims": {**study.claims, "causality": claim.model_copy(update={"parts": named})}}
    )
    shown = card(make_page(study=other), "causality")
    assert "<em>Exact bias, &lt;N = 2&gt;.</em>" in shown
    assert "<em>Variance.</em>" in shown


def test_cards_and_a_table_quote_another_study(make_page: Pages, claims: pd.DataFrame, text: str) -> None:
    rows = claims.assign(verdict=["undecided", "refuted", "refuted", "supported"], effect=[0.5, 0.6, 0.7, 0.8])
    rows = rows[rows["claim"] != "large_batches"].assign(primary=[False, True, True])
    page = make_page(others=[Reference("<Thorough> study", "x86_64, AVX2", rows)])
    quote = between(card(page, "causality"), "In another study, “<a", "</p>")
    assert '"#study-thorough-study">&lt;Thorough&gt; study' in quote
    assert quote.index("refuted: bias") < quote.index("undecided: variance")
    assert "Thorough" not in card(page, "large_batches")
    table = between(page, '<details id="study-', "</details>")
    assert "x86_64, AVX2" in table
    assert table.count("<tr>") == 1 + len(rows)
    assert ">0.700<" in table
    assert '<details id="study-' not in text


# Without a test, the difference is that of the means.
@pytest.mark.parametrize(("relation", "difference"), [("equal", ">12 (−3.0 to 27)<"), ("exact", ">12<")])
def test_published_numbers_have_a_table(
    make_page: Pages, study: Study, claims: pd.DataFrame, text: str, relation: str, difference: str
) -> None:
    claim = study.claims["large_batches"]
    published = {"value": 200, "sd": 30, "n": 9, "source": "Doe (2020), <table 1>", "setting": "twice the steps"}
    declared = {"metric": "area", "relation": relation, "margin": 20, "reference": published}
    part = ClaimPart.model_validate({"experiment": "ladder", "a": {"variant": "to_go"}, **declared})
    other = study.model_copy(
        update={"claims": {**study.claims, "large_batches": claim.model_copy(update={"parts": {"steps": part}})}}
    )
    rows = claims.assign(verdict=["supported", "mixed", "refuted", "refuted"])
    table = between(make_page(study=other, claims=rows), '<section id="published"', "</section>")
    for said in (
        "200 ± 10",
        ">212<",
        difference,
        "differs",
        "Doe (2020), &lt;table 1&gt;; twice the steps",
    ):
        assert said in table
    assert table.count("<tr>") == 2
    assert 'id="published"' not in text
