"""Where desired objects are applied: the Kubernetes API, or a directory.

`base.Cluster` is the port; `kubernetes.py` and `directory.py` are behind it and
pass one contract suite. `opening.open_cluster` reads `dir:ROOT` and `kube[:CONTEXT]`.
"""
