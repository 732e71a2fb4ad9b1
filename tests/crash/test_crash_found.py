"""Faults of the tool that the crash tests have found, each as the shortest sequence that shows it."""

from __future__ import annotations


def test_the_order_of_the_server_that_was_replaced_is_not_offered_for_adoption(new_runner):
    """Adopting that order would wait for ever for a server that was released minutes ago."""
    runner = new_runner("replace prepaid")
    names = runner.run_undisturbed()
    with runner.new_environment() as environment:
        (replaced,) = [row.order_id for row in environment.ledger if row.kind == "purchase"]
        runner.kill_at(environment, 1 + names.index("before POST dev-servers"))
        result = runner.run_again(environment)
        assert result.code == 6
        assert replaced not in result.text
