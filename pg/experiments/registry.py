"""The built-in kinds of experiment. Adding one takes its folder and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pg.experiments.exact.record import ExactExperiment
from pg.experiments.gait.record import GaitExperiment
from pg.experiments.horizon.record import HorizonExperiment
from pg.experiments.identity.record import IdentityExperiment
from pg.experiments.kind import Experiment
from pg.experiments.probe.record import ProbeExperiment
from pg.experiments.staleness.record import StalenessExperiment
from pg.experiments.support.record import SupportExperiment
from pg.experiments.train.record import TrainExperiment
from pg.experiments.update.record import UpdateExperiment
from pg.experiments.window.record import WindowExperiment

KINDS: Mapping[str, type[Experiment]] = MappingProxyType(
    {
        "train": TrainExperiment,
        "probe": ProbeExperiment,
        "exact": ExactExperiment,
        "identity": IdentityExperiment,
        "update": UpdateExperiment,
        "support": SupportExperiment,
        "staleness": StalenessExperiment,
        "window": WindowExperiment,
        "horizon": HorizonExperiment,
        "gait": GaitExperiment,
    }
)
