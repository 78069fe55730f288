"""Each variant's gradient estimator as LaTeX, put together from the parts that the variant is composed of."""
