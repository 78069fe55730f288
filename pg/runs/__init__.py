"""Files of a run: tables, snapshots, checkpoints, logs, and the folder that holds them."""
