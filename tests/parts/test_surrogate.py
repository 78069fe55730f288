"""The surrogate objective and its gradient."""

import torch
from pg.parts import estimator
from tests.parts.made import trajectories

LOG_PROBS = torch.tensor([[[-1.0, -2.0], [-3.0, -5.0]], [[-1.0, -1.0], [-1.0, -1.0]]], dtype=torch.float64)
ADVANTAGES = torch.tensor([[[1.0, 2.0], [4.0, 7.0]], [[1.0, -1.0], [0.5, 9.0]]], dtype=torch.float64)
MASK = torch.tensor([[[True, True], [True, False]], [[True, True], [True, False]]])


def surrogate(log_probs: torch.Tensor, weights: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return estimator.surrogate(log_probs, weights, trajectories(torch.zeros_like(weights), mask))


def test_sums_over_time_and_averages_over_trajectories() -> None:
    assert surrogate(LOG_PROBS, ADVANTAGES, MASK).tolist() == [(-1 - 4 - 12) / 2, (-1 + 1 - 0.5) / 2]


def test_gradient_is_the_explicit_sum_of_weighted_scores() -> None:
    parameter = torch.tensor([0.3, -0.2], dtype=torch.float64, requires_grad=True)
    features = torch.randn(1, 3, 4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    advantages = torch.randn(1, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    mask = torch.arange(4) < torch.tensor([[4], [2], [1]])

    def log_prob(i: int, t: int) -> torch.Tensor:
        return torch.nn.functional.logsigmoid(features[0, i, t] @ parameter)

    explicit = torch.zeros(2, dtype=torch.float64)
    for i, t in mask.nonzero().tolist():
        (score,) = torch.autograd.grad(log_prob(i, t), parameter)
        explicit += score * advantages[0, i, t] / 3

    log_probs = torch.nn.functional.logsigmoid(features @ parameter)
    (gradient,) = torch.autograd.grad(surrogate(log_probs, advantages, mask.unsqueeze(0)).sum(), parameter)
    torch.testing.assert_close(gradient, explicit)


def test_no_gradient_flows_through_the_advantages() -> None:
    log_probs, advantages = LOG_PROBS.clone().requires_grad_(), ADVANTAGES.clone().requires_grad_()
    surrogate(log_probs, advantages, MASK).sum().backward()
    assert advantages.grad is None
    assert log_probs.grad is not None
