"""From ExternalSecrets to written Secrets: sessions, fetching, planning, applying.

`pipeline` is the one way through, for a command as for the service; this package
owns time, retries, limits and credentials. Adapters and the core own none of them.
"""
