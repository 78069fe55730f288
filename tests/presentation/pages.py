"""What a whole figure is laid out for."""

import pytest

# Rendering a figure of many panels takes a second. On the narrow page room is short: what fits it is known first.
EACH_WIDTH = pytest.mark.parametrize("width", ["one_column", pytest.param("two_columns", marks=pytest.mark.long)])
