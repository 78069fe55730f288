"""Products are those of torch, with their derivatives."""

import pytest
import torch
from pg.core.products import product


@pytest.mark.parametrize("leading", [(), (2,), (2, 3)], ids=str)
def test_product_and_its_derivatives_are_torchs(leading: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(*leading, 4, 5, dtype=torch.float64, generator=generator, requires_grad=True)
    b = torch.randn(*leading, 3, 5, dtype=torch.float64, generator=generator).mT.requires_grad_()
    torch.testing.assert_close(product(a, b), a @ b)
    assert torch.autograd.gradcheck(product, (a, b))
    assert torch.autograd.gradgradcheck(product, (a, b))
