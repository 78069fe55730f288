"""The `exact` experiment."""
