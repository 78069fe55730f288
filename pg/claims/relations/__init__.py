"""Relations that a claim can declare: less, greater, equal within a margin, exact."""
