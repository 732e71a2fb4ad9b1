"""The store in a folder: state, journal and lock of a label are files beside one another.

It is the only kind of store so far.
"""

from provisioner.store.folder.files import locate
from provisioner.store.folder.store import FolderStore

__all__ = ["FolderStore", "locate"]
