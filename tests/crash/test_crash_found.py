"""What the enumeration has found: each stays here, with its shortest story."""

from __future__ import annotations


def test_the_order_of_the_server_that_was_replaced_is_not_offered_for_adoption(theatre):
    """Whoever follows the advice waits for a server that was released minutes ago, and for ever."""
    play = theatre("replace prepaid")
    names = play.alone()
    with play.stage() as stage:
        (replaced,) = [row.order_id for row in stage.ledger if row.kind == "purchase"]
        play.die(stage, 1 + names.index("before POST dev-servers"))
        told = play.go_on(stage)
        assert told.code == 6
        assert replaced not in told.text
