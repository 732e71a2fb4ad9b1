"""Declarative provisioner for ModelArts DevServers. This module knows only the version, so that asking for it is instant."""

__version__ = "0.1.0"
