"""Policy gradients, measured: the claims of a lecture on policy gradients, tested on data that a run makes itself."""
