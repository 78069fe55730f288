"""How a gradient estimate is measured."""
