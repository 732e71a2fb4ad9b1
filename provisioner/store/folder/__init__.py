"""The store in a folder: a label's state, journal and lock are files beside one another.

The default, and the only one so far.
"""

from provisioner.store.folder.files import locate
from provisioner.store.folder.store import FolderStore

__all__ = ["FolderStore", "locate"]
