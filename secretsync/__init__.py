"""secretsync gets secrets to where they run, under GitOps."""

__version__ = "0.1.0"
