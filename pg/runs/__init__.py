"""What a run leaves on disk: rows, snapshots, checkpoints, logs, the lock, provenance."""
