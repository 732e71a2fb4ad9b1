"""Says where two fields that exclude each other are written. One of them may be a default, in another file."""

from __future__ import annotations

from collections.abc import Sequence

from provisioner.loading.tree import Layer, find_layer, locate
from provisioner.loading.validation import Problem, dotted
from provisioner.model.address import Address
from provisioner.model.diagnostic import SourceRange


def explain_exclusion(problem: Problem, layers: Sequence[Layer], address: Address) -> SourceRange:
    """Completes the error of a problem that is between two fields, and returns its place.

    `layers`: the resource's own map first, then its defaults. The place is in the resource itself, if one of the two is.
    """
    own, *others = sorted(problem.between, key=lambda path: find_layer(layers, path) is not layers[0])
    places = {path: locate(layers, path) for path in (own, *others)}
    mistake = problem.mistake
    name, (other,) = dotted(own), others
    is_default, both_are_defaults = (find_layer(layers, path) is not layers[0] for path in (other, own))
    where = f"{dotted(other)} at {places[other]}"
    mistake.detail = f"{name} is written at {places[own]}, and {where}{', which is a default' if is_default else ''}"
    if is_default and not both_are_defaults:
        mistake.hint = f"write {other[-1]}: null beside {own[-1]} in {address.name} to take the default away, or leave {own[-1]} out"
    else:
        mistake.hint = f"keep one of the two and remove the other{' from the defaults' if both_are_defaults else ''}"
    return places[own]
