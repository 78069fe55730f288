"""The constant of least variance."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pg.parts.baselines.base import Baseline
from pg.parts.notation import score

if TYPE_CHECKING:
    from pg.parts.annotations import Batch, Float, Tensor, Variant


class Optimal(Baseline):
    r"""An estimate of the constant of least variance from the other trajectories.

    $b_i = \sum_{j \ne i} \langle A_j, B_j \rangle \big/ \sum_{j \ne i} \lVert B_j \rVert^2$ (see `ScoreProducts`), and
    0 where all scores of the others vanish. $b^* = \mathbb{E}\langle A, B \rangle / \mathbb{E}\lVert B \rVert^2$
    minimises $\operatorname{tr Cov}(A - bB)$; with total returns it is $\mathbb{E}[R \lVert B \rVert^2] /
    \mathbb{E}\lVert B \rVert^2$, after Greensmith, Bartlett & Baxter 2004, section 4. $\mathbb{E}[\hat g] = \nabla J$.
    """

    name: str = "optimal"
    label: ClassVar[str | None] = "optimal constant"
    symbol: ClassVar[str] = "b_i"
    needs_score_products: ClassVar[bool] = True

    def __call__(self, batch: Batch) -> Float[Tensor, "S N 1"]:
        """Return one number per trajectory; needs N of at least 2."""
        products = batch.score_products
        # Sum over the others directly. Subtracting a trajectory from the total leaves a rounding error of that
        # trajectory's size, which dominates the quotient if the others' scores nearly vanish.
        count = products.squared.shape[-1]
        others = products.squared.new_ones(count, count).fill_diagonal_(0)
        weighted, squared = products.weighted @ others, products.squared @ others
        return (weighted / squared).where(squared > 0, 0).unsqueeze(-1)

    def definitions(self, variant: Variant) -> tuple[str, ...]:
        """Write the quotient, and its sums."""
        weighted = r"\sum_{j \neq i} \mathbf{A}_j \cdot \mathbf{B}_j"
        squared = r"\sum_{j \neq i} \mathbf{B}_j \cdot \mathbf{B}_j"
        return (
            rf"b_i = \frac{{{weighted}}}{{{squared}}}",
            rf"\mathbf{{A}}_j = \sum_{{t=1}}^{{T}} {score('j')} \left( {variant.returns.formula(variant, 'j')} \right)",
            rf"\mathbf{{B}}_j = \sum_{{t=1}}^{{T}} {score('j')}",
        )
