"""The long-running service: watches, one queue, workers, statuses, metrics, probes.

It holds no business rule: `refresh` decides and writes, this package feeds it and
reports. Its state is in the cluster; the process may be deleted at any time.
"""
