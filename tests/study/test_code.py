"""A digest is of the code of the modules that it names."""

from pg.study.code import code_digest


def test_code_digests_differ_between_modules_and_know_packages() -> None:
    one, other = code_digest(["parts.returns"]), code_digest(["parts.baselines"])
    assert one != other
    assert code_digest(["parts.returns", "parts.returns"]) == one
    assert code_digest(["parts"]) not in (one, other)
