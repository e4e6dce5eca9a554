"""What goes when an Application is deleted."""
