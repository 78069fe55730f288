"""What is wrong with a name is said of the name."""

from typing import Any

import pytest
from pg.study.validation import InvalidStudy, load


@pytest.mark.parametrize("name", ["_reuse", "a b", "", "ä", "x" * 61, "a/b", "$(id)"])
@pytest.mark.parametrize("kind", ["environments", "variants", "experiments"])
def test_an_illegal_name_is_refused_in_words(options: dict[str, Any], kind: str, name: str) -> None:
    first = next(iter(options[kind]))
    options[kind][name] = options[kind][first]
    with pytest.raises(InvalidStudy, match="a name has 1 to 60 letters") as refused:
        load(options)
    assert f"{kind}.{name}: " in str(refused.value)
