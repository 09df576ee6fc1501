"""Quality and speed beside the peers, on the same data and machine in one run."""
