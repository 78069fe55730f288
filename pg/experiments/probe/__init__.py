"""The `probe` experiment."""
