"""What is in the cluster beside what should be."""
