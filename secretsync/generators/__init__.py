"""Generators: what makes values instead of reading them.

`registry` finds the module of a kind. Those that need no service are here; those that
call one live beside its adapter in `providers`.
"""
