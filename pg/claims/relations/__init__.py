"""How a claim relates what it compares: less, greater, equal within a margin, exact."""
