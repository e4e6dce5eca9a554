"""Adapters to the services that hold secrets, one room per service.

`providers.base` is the contract; `providers.registry` says which module serves
which key of a store's `spec.provider`. Nothing here imports from `secretsync`.
"""
