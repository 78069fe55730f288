"""The `support` experiment."""
