"""The `window` experiment."""
