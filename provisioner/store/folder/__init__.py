"""The store in a folder: state, journal and lock of a label are files beside one another.

It is the only kind of store so far.
"""

from provisioner.store.folder.location import find_location, labels_in, locate, make_state_folder, state_folders
from provisioner.store.folder.store import FolderStore

__all__ = ["FolderStore", "find_location", "labels_in", "locate", "make_state_folder", "state_folders"]
