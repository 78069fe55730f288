"""The `identity` experiment."""
