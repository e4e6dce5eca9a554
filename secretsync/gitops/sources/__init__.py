"""What an application is read from: Git repositories, charts, and who may log in there."""
