"""Applications as the cluster holds them: status, operations, history, pins."""
