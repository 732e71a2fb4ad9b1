"""Entries about moves and imports of which others in between cannot be read: believed as far as they can be."""

from support.builders import a_purchase, a_recorded, a_state, an_address

from provisioner.model.journal import Imported, Moved, Remembered
from provisioner.model.resource import Phase
from provisioner.store.partial_replay import PartialReplay

GATEWAY, WORKER = an_address("gateway"), an_address("worker")


def told(*entries, base=None):
    story = PartialReplay(base)
    for entry in entries:
        story.apply(entry)
    return story


def test_a_move_onto_what_was_forgotten_unread_takes_its_place():
    story = told(*a_purchase("gateway"), *a_purchase("worker"), Moved(GATEWAY, WORKER))
    assert {key: one.id for key, one in story.state.resources.items()} == {WORKER: "id-of-gateway"}


def test_a_move_of_what_cannot_be_read_moves_what_is_known_of_it():
    story = told(Remembered(GATEWAY, Phase.READY, id="id-1"), Moved(GATEWAY, WORKER))
    assert [(facts.address, facts.id) for facts in story.unplaced] == [(WORKER, "id-1")]


def test_a_server_that_is_taken_over_has_its_last_address_only():
    base = a_state(a_recorded("gateway", id="id-1"))
    story = told(Imported(a_recorded("worker", id="id-1"), "by ana"), base=base)
    assert [*story.state.resources] == [WORKER]
