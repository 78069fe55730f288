"""The built-in parts, by family. Any other is named `module:Class`."""

from __future__ import annotations

from pg.parts.baselines.average_reward import AverageReward
from pg.parts.baselines.base import Baseline
from pg.parts.baselines.constant import Constant
from pg.parts.baselines.exact import Exact
from pg.parts.baselines.exact_optimal import ExactOptimal
from pg.parts.baselines.leave_one_out import LeaveOneOut
from pg.parts.baselines.none import NoBaseline
from pg.parts.baselines.optimal import Optimal
from pg.parts.baselines.per_step import PerStep as PerStepBaseline
from pg.parts.baselines.per_step_leave_one_out import PerStepLeaveOneOut
from pg.parts.baselines.running_average import RunningAverage
from pg.parts.baselines.value_network import ValueNetwork
from pg.parts.corrections.base import Correction
from pg.parts.corrections.exact_state import ExactState
from pg.parts.corrections.none import NoCorrection
from pg.parts.corrections.per_decision import PerDecision
from pg.parts.corrections.per_step import PerStep
from pg.parts.corrections.trajectory import Trajectory
from pg.parts.limits.base import Limit
from pg.parts.limits.early_stop import EarlyStop
from pg.parts.limits.line_search import LineSearch
from pg.parts.limits.natural_gradient import NaturalGradient
from pg.parts.limits.penalty import Penalty
from pg.parts.optimizers.adam import Adam
from pg.parts.optimizers.base import Optimizer
from pg.parts.optimizers.natural import Natural
from pg.parts.optimizers.sgd import Sgd
from pg.parts.returns.base import Returns
from pg.parts.returns.gae import Gae
from pg.parts.returns.to_go import ToGo
from pg.parts.returns.total import Total
from pg.parts.starts.base import Start
from pg.parts.starts.clone import Clone
from pg.parts.starts.given import Given
from pg.parts.starts.random import Random
from pg.parts.windows.balance import Balance
from pg.parts.windows.base import Window
from pg.parts.windows.own import Own

RETURNS: tuple[type[Returns], ...] = (Total, ToGo, Gae)
BASELINES: tuple[type[Baseline], ...] = (
    NoBaseline,
    Constant,
    AverageReward,
    LeaveOneOut,
    PerStepBaseline,
    PerStepLeaveOneOut,
    Optimal,
    RunningAverage,
    ValueNetwork,
    Exact,
    ExactOptimal,
)
CORRECTIONS: tuple[type[Correction], ...] = (NoCorrection, Trajectory, PerDecision, PerStep, ExactState)
WINDOWS: tuple[type[Window], ...] = (Balance, Own)
LIMITS: tuple[type[Limit], ...] = (EarlyStop, Penalty, LineSearch, NaturalGradient)
OPTIMIZERS: tuple[type[Optimizer], ...] = (Adam, Sgd, Natural)
STARTS: tuple[type[Start], ...] = (Random, Clone, Given)
