"""A module of parts such as a user puts next to a study file."""

MODULE = '''
import torch
from pydantic import PositiveFloat

from pg.parts.baselines.base import Baseline
from pg.parts.corrections.base import ImportanceWeight
from pg.parts.returns.base import Returns


class ShareOfOthers(Baseline):
    """A share of the mean return of the other trajectories."""

    share: PositiveFloat = 0.5

    def __call__(self, batch):
        totals = batch.totals
        return self.share * ((totals.sum(1, keepdim=True) - totals) / (totals.shape[1] - 1)).unsqueeze(-1)


class Doubled(Returns):
    """Twice the total return."""

    def __call__(self, batch):
        return 2 * batch.totals.unsqueeze(-1) * batch.mask


class Product(ImportanceWeight):
    """The product of all ratios of a trajectory."""

    is_per_trajectory = True

    def __call__(self, ratios):
        return torch.where(ratios.mask, ratios.log_ratios.exp(), 1).prod(-1, keepdim=True)


class NoPart:
    pass


class Unfinished(Baseline):
    """A baseline without a function."""
'''

BASELINE = {"name": "my_parts:ShareOfOthers", "share": 0.25}
RETURNS = "my_parts:Doubled"
IMPORTANCE = "my_parts:Product"
