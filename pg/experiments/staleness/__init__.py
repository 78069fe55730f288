"""The `staleness` experiment."""
