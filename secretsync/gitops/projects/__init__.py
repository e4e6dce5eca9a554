"""What an AppProject gives its applications."""
