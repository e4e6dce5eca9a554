"""Applies and prunes: phases, waves, hooks."""
