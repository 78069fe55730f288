"""The `gait` experiment."""
