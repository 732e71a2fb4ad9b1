"""The names of a state's parts in a database, and the remedies that messages suggest for them."""

from __future__ import annotations

from provisioner.store.contract import JOURNAL, LATE
from provisioner.store.postgres.address import PostgresAddress
from provisioner.store.words import StoreWords


def words_of(address: PostgresAddress, label: str) -> StoreWords:
    place = f"{address}#{label}"
    rows = f"state = '{label}' in the schema {address.schema}"
    return StoreWords(
        label=label,
        place=str(address),
        state=place,
        journal=f"{place}/{JOURNAL}",
        backup=f"{place}/checkpoint-before",
        lock=f"{place}/lease",
        state_name="the newest checkpoint",
        journal_name="the journal",
        backup_name="the checkpoint before it",
        rename=lambda other: (
            f"It was copied there by hand: set `state` of its rows back to {other}. To give it this name: "
            f"`provisioner state rename {other} {label}`, once it is back."
        ),
        restore_state=f"Delete that row of the table checkpoints with {rows}: the journal then gives the state.",
        restore_lost_state=f"Restore the rows with {rows} from a backup of the database.",
        begin_anew=f"To begin anew on purpose, save and delete all rows with {rows}.",
        restore_journal=f"Restore the rows of the table batches with {rows} from a backup of the database",
        restore_newest="Restore the newest backup of the database, or connect to the server that has the newest data.",
        restore_both="Restore the newest backup of the database, or connect to the server that has the newest data.",
        separate_histories=f"Rows of two databases were mixed: save and delete those of the other one with {rows}, and run this again.",
        make_writable="Make the database reachable and writable (network, rights, space on its disk)",
        make_room="Make the database reachable and make room in it (network, connections, space on its disk)",
        end_other_writers=f"Find out who else writes rows with {rows} (another run, a script, a restored copy of the database) and end it",
        lock_free="a lock of a process that has died is free when its lease is over",
        late=f"{place}/{LATE}",
        clear_late=f"When that is done, delete the rows of the tables batches and logs with {rows} and log = '{LATE}'.",
    )
