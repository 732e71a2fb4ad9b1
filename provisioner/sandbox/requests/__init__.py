"""What the services accept, as models; one file a service."""
