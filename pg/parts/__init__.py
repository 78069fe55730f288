"""The parts that a variant names, such as returns and baselines, and the estimator that combines them."""
