"""A digest is of the code of the modules that it names."""

from pg.study.code import code_digest


def test_code_digests_differ_between_modules_and_know_packages() -> None:
    one, other = code_digest(["estimators.returns"]), code_digest(["estimators.baselines"])
    assert one != other
    assert code_digest(["estimators.returns", "estimators.returns"]) == one
    assert code_digest(["estimators"]) not in (one, other)
