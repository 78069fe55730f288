"""The `horizon` experiment."""
