"""Models of what the services accept, one file per service."""
