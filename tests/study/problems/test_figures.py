"""A figure that its experiment gives nothing to draw is refused by name."""

import sys
from pathlib import Path
from typing import Any

import pytest
from pg.study.validation import load
from tests.study.studies import assert_refused, put, refusals, refused, with_added, with_reuse


def with_figures_of_reuse(options: dict[str, Any]) -> dict[str, Any]:
    """Add a sweep and single updates that a limit holds, figures of both, and a claim on the limit."""
    return with_added(
        with_reuse(options),
        """
        variants:
          free: {importance: per_step, gradient_steps: 4, optimizer: {name: sgd, learning_rate: 0.1}}
          held: {extends: free, kl: {limit: 0.01, hold_by: early_stop}}
        experiments:
          swept:
            kind: train
            environments: [cartpole]
            variants: [free, held]
            seeds: {count: 2}
            budget: {steps: 100}
            sweep: {variant.gradient_steps: [1, 4]}
          updates:
            kind: update
            environments: [cartpole]
            variants: [free, held]
            seeds: {count: 2}
            source: {experiment: learn, variant: to_go, stages: [late]}
          windows:
            kind: window
            environments: [cartpole]
            variants: [to_go]
            seeds: {count: 2}
            sweep: {variant.window.batches: [1, 2]}
            source: {experiment: learn, variant: to_go, stages: [late]}
            path: {variant: free, iterations: 1}
            sample: {trajectories: 16, batches: [4]}
        figures:
          windows: {kind: windows, experiment: windows, section: Reuse}
          levels: {kind: against_level, experiment: swept, metrics: [steps_to_threshold, collapsed], section: Reuse}
          learning:
            kind: learning_curves
            experiment: learn
            compared: [{experiment: swept, variant: free, variant.gradient_steps: 4}]
            section: Reuse
          limits: {kind: realised_kl, experiment: updates, section: KL constraint}
        claims:
          causality:
            parts:
              held:
                experiment: updates
                metric: fresh_kl_over_limit
                a: {variant: held}
                relation: less
                reference: 1.5
        """,
    )


def test_legal_figures_of_reuse_are_read(options: dict[str, Any]) -> None:
    figures = load(with_figures_of_reuse(options)).figures
    assert figures["levels"].metrics == ("steps_to_threshold", "collapsed")
    assert figures["variance"].metrics == ()
    put(options, "experiments/swept/sweep/variant.batch", [16])
    assert load(options).experiments["swept"].sweep["variant.batch"] == (16,)


@refusals(
    """
figures/levels/metrics: [] => : is missing: name what to draw; allowed:
figures/levels/metrics: [colapsed] => : 'colapsed' … did you mean 'collapsed'
figures/levels/metrics: [cosine] => : 'cosine' is not known…allowed:
figures/limits/metrics: [collapsed] => : realised_kl draws fixed metrics; leave metrics out
environments/cartpole: {id: CartPole-v1}
  => figures.levels.metrics: steps_to_threshold needs threshold, and cartpole declares none
figures/levels/metrics: [failed] => : failed needs failed_below, and cartpole declares none
experiments/swept/sweep: {} => levels.experiment: against_level draws a swept option, and swept sweeps none
experiments/windows/sweep: {variant.normalise_advantages: [false, true]}
  => windows.experiment: variant.normalise_advantages: False cannot be drawn …axis; sweep positive numbers
experiments/windows/sweep: {variant.returns: [total, to_go]}
  => windows.experiment: variant.returns: 'total' cannot be drawn on a logarithmic axis
figures/learning/compared: [{experiment: updates, variant: free}]
  => learning.compared.0.experiment: 'updates' is not known
figures/learning/compared: [{experiment: swept, variant: fre, variant.gradient_steps: 4}]
  => learning.compared.0.variant: 'fre' is not known; did you mean 'free'
figures/learning/compared: [{experiment: swept, variant: free, variant.gradient_steps: 4},
  {experiment: swept, variant: free, variant.gradient_steps: 4}]
  => learning.compared.1.variant: free is compared already; remove one, or name other levels
figures/variance/pooled: [gradients] => : variance draws one experiment; these draw several: …tuning
figures/learning/compared: [{experiment: swept, variant: free}]
  => learning.compared.0: needs a level of each option that swept sweeps: variant.gradient_steps
figures/learning/compared: [{experiment: swept, variant: free, variant.gradient_steps: 2}]
  => compared.0.variant.gradient_steps: 2 is no level of swept; allowed: 1, 4
figures/learning/compared: [{experiment: swept, variant: free, variant.gradient_steps: 4, variant.batch: 4}]
  => compared.0: 'variant.batch' is not known…; allowed: experiment, variant, variant.gradient_steps
experiments/swept/sweep: {variant.gradient_steps: [4]}
  => figures.learning.compared.0.variant.gradient_steps: swept has one level of it, which needs no choice; take it out
figures/learning/experiment: swept => learning.compared.0.variant: swept draws free already; remove one
figures/limits/compared: [{experiment: swept, variant: free}]
  => limits.compared: realised_kl draws one experiment; leave compared out
figures/limits/levels: {cartpole: {published: 1}} => limits.levels: realised_kl draws no lines at given numbers
figures/limits/stages: [lat] => : 'lat' is not known; did you mean 'late'
figures/learning/stages: [late] => : learning_curves draws whole training runs, not policies at stages
figures/limits/threshold_line: false => : realised_kl draws no line at the threshold; leave threshold_line out
figures/limits/limits: {x: [0, 1]} => .x: the panels of realised_kl do not share this axis; leave limits out
figures/levels/limits: {y: [0, 1]} => .y: the panels of against_level do not share this axis; allowed: x
figures/levels/limits: {x: [0, 1]} => .x: the panels draw different metrics, steps_to_threshold, collapsed, and limits
figures/learning/limit: {x: [0, 1]} => : unknown key; did you mean 'limits'?
figures/levels/metric: [collapsed] => : unknown key; did you mean 'metrics'?
figures/learning/limits: {x: [5, 1]} => : x: the first end must be below the second; they are [5.0, 1.0]
figures/learning/limits: {z: [0, 1]} => .z: unknown key; allowed: x, y
figures/learning/colours: {to_go: null} => .to_go: should be a colour in quotes, such as '#0072b2'; it is None
figures/learning/colours: {to_goo: '#0072b2'} => : 'to_goo' is not known; did you mean 'to_go'
figure_defaults/colours: {to_goo: '#0072b2'} => : 'to_goo' is not known; did you mean 'to_go'
figure_defaults/palette: [blue] => .0: should be a colour in quotes, such as '#0072b2'; it is 'blue'
figures/learning/levels: {cartpol: {published: 1}} => learning.levels: 'cartpol' … did you mean 'cartpole'
figures/levels/experiment: updates => : against_level draws train experiments, not update
figures/limits/experiment: swept => : realised_kl draws update experiments, not train
figures/limits/variants: [free] => : … with a limit; set kl in one of free
figures/levels/kind: against_levl => : 'against_levl' … did you mean 'against_level'
figures/levels/kind: nowhere:DOTS => : cannot import 'nowhere:DOTS'…put nowhere.py next
claims/causality/parts/held/a/variant: free => : fresh_kl_over_limit needs a limit, and free has no kl
"""
)
def test_an_illegal_figure_of_reuse_is_refused(options: dict[str, Any], path: str, value: Any, message: str) -> None:
    assert_refused(with_figures_of_reuse(options), path, value, message)


def with_figures_of_all_kinds(options: dict[str, Any]) -> dict[str, Any]:
    """Add a figure of each kind that some legal experiments give nothing, or not enough, to draw."""
    return with_added(
        with_figures_of_reuse(options),
        """
        environments:
          short: {threshold: 40}
        variants:
          ratios: {importance: trajectory}
        experiments:
          learn: {environments: [cartpole, short]}
          elsewhere: {kind: train, environments: [chain], variants: [baseline], seeds: {count: 2}, budget: {steps: 9},
                      tuning: {grid: [1], seeds: 2}}
          gradients: {variants: [total, to_go, baseline]}
          few: {kind: support, environments: [chain], variants: [ratios], seeds: {count: 2}, left: [0.0, 0.1]}
          away:
            kind: staleness
            environments: [cartpole]
            variants: [ratios]
            seeds: {count: 2}
            source: {experiment: learn, variant: to_go, stages: [late]}
            walk: {variant: free, steps: [0, 2]}
            sample: {trajectories: 16, batches: [4]}
        figures:
          share: {kind: achieved_share, experiment: gradients}
          summary: {kind: aggregates, experiment: learn}
          rates: {kind: tuning, experiment: learn}
          left: {kind: support, experiment: few}
          ladder: {kind: ladder, experiment: exact}
          away: {kind: staleness, experiment: away}
        """,
    )


def test_legal_figures_of_all_kinds_are_read(options: dict[str, Any]) -> None:
    assert load(with_figures_of_all_kinds(options)).figures["share"].kind == "achieved_share"


@refusals(
    """
experiments/gradients/variants: [total, baseline]
  => figures.share.experiment: achieved_share compares a baseline with…, and for total, baseline there is none in
     gradients; add to_go to experiments.gradients.variants
figures/share/variants: [total, to_go] => experiment: …for total, to_go there is none in gradients; add one with
figures/summary/variants: [to_go]
  => : aggregates compares variants with the first one, and only to_go is drawn; name 2 or more
figures/rates/pooled: [swept] => figures.rates.experiment: swept declares no tuning to draw
experiments/learn/variants: [free, held]
  => figures.rates.variants: tuning draws tuned learning rates, and those of free, held are not; name a variant
experiments/few/left: [0.0] => figures.left.experiment: support draws left above 0, and few has only 0; add others
experiments/away/walk/steps: [0] => figures.away.experiment: staleness draws steps above 0, and away has only 0
experiments/windows/sweep: {variant.window.batches: [1, 2], variant.discount: [0.9, 1]}
  => figures.windows.experiment: windows draws one swept option; windows sweeps variant.window.batches, variant.discount
figures/levels/metrics: [demonstrator_return]
  => : demonstrator_return needs a demonstrator, and none of free, held has one
figures/learning/compared: [{experiment: elsewhere, variant: baseline}]
  => figures.learning.compared.0.experiment: elsewhere has none of the environments drawn: cartpole, short
"""
)
def test_a_figure_that_would_be_empty_is_refused(options: dict[str, Any], path: str, value: Any, message: str) -> None:
    assert_refused(with_figures_of_all_kinds(options), path, value, message)


@pytest.mark.parametrize("kind", ["ladder", "achieved_share"])
def test_a_figure_of_one_batch_size_is_refused_for_variants_with_several(options: dict[str, Any], kind: str) -> None:
    study = with_added(
        options,
        """
        variants:
          small: {batch: 2}
          large: {batch: 3}
          own: {batch: 2, baseline: average_reward}
        experiments:
          exact: {variants: [small, large, own]}
        """,
    )
    study["experiments"]["exact"]["sweep"] = {}
    study["figures"] |= {"tried": {"kind": kind, "experiment": "exact"}}

    refused(study, rf"tried\.variants: {kind} draws one batch size, .* \(2: small, own; 3: large\); name variants with")
    put(study, "figures/tried/variants", ["small", "own"])
    assert load(study)


OWN = """
from pg.experiments.figures.kind import FigureKind, Play

DOTS = FigureKind(__name__, {options})
ELSEWHERE = FigureKind("nowhere")


def {draw}(request): ...
"""


@pytest.mark.parametrize(
    ("named", "options_of_kind", "message"),
    [
        ("DOTS", "", None),
        ("DOT", "", r"levels\.kind: 'my_dots:DOT' is no pg\..*:FigureKind; did you mean 'DOTS'"),
        ("ELSEWHERE", "", r"levels\.kind: No module named 'nowhere'"),
        ("DOTS", "1 / 0", r"levels\.kind: cannot import 'my_dots:DOTS': ZeroDivisionError: division by zero"),
        ("DOTS", "('poses',)", r"levels\.experiment: my_dots:DOTS reads table poses; tables of train: long"),
        ("DOTS", "play=Play('nowhere', ())", r"levels\.kind: No module named 'nowhere'"),
        ("DOTS", "play=Play(__name__, ('long',))", r"levels\.kind: my_dots has no function explore\(request\)"),
        ("DOTS", "play=Play(__name__, ('poses',))", r"my_dots:DOTS reads table poses; tables of train: long"),
        ("DOTS", "with_source=True", r"levels\.experiment: swept declares no source to draw"),
        ("DOTS", "with_metrics=True", r"levels\.metrics: is missing: name what to draw"),
        ("DOTS", "('long',)", r"levels\.kind: my_dots has no function draw\(request\)"),
    ],
)
def test_own_kind_of_figure_is_read_or_refused(
    options: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    named: str,
    options_of_kind: str,
    message: str | None,
) -> None:
    draw = "no_draw" if message and "function draw" in message else "draw"
    (tmp_path / "my_dots.py").write_text(OWN.format(options=options_of_kind, draw=draw), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_dots", raising=False)
    levels = with_figures_of_reuse(options)["figures"]["levels"]
    del levels["metrics"]
    levels["kind"] = f"my_dots:{named}"
    if message is None:
        assert load(options).figures["levels"].kind == "my_dots:DOTS"
    else:
        refused(options, message)
