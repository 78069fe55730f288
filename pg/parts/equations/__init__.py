"""Each variant's gradient estimator as LaTeX, built from the parts that the variant names."""
