"""The `train` experiment."""
