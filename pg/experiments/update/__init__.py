"""The `update` experiment."""
