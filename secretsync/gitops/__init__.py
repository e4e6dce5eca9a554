"""The GitOps loop: Git → render → compare → apply, for Argo CD's Applications.

`model` holds the values that its stages hand on. Rendered objects hold references to
secret values, never the values: those are resolved by `refresh` and `sealed` at apply.
"""
