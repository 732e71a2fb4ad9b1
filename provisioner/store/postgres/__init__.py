"""The store in a PostgreSQL database: logs and checkpoints are rows, and one statement appends to a log.

The driver is an optional dependency. It is imported by `driver.py` alone, when the first connection is opened.
"""

from provisioner.store.postgres.backend import PostgresBackend

__all__ = ["PostgresBackend"]
