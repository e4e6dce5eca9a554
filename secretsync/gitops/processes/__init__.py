"""Runs programs with limits, and without the network."""
