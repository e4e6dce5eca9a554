"""SealedSecrets in a cluster: the key ring it keeps, and the Secrets they become.

Above `refresh`, whose way of writing a Secret it shares; below the service.
"""
