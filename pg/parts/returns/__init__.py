"""Returns, one module each: the weights of log-likelihoods before a baseline is subtracted."""
