"""What entries mention: an id or a name that one state holds is found from another one, in whatever form it is asked for."""

import pytest
from support.builders import a_purchase_of_several, a_recorded, a_state, an_intent

from provisioner.model.flow import Effect
from provisioner.model.identity import Identity
from provisioner.model.journal import Adopted, Answered, Created, Imported, Intended, Remembered, RunEnded
from provisioner.model.lookalikes import are_forms_of_one
from provisioner.model.resource import Live, Phase
from provisioner.store.mentions import INDEXED, id_tokens, mentions_of, mentions_of_state, name_tokens, row_tokens

ADDRESS = a_recorded().address


def row(identifier, name, order_id=None):
    return Live("dev_server", identifier, name, "RUNNING", order_id)


@pytest.mark.parametrize(
    "entry",
    [
        Answered("intent", 200, id="Id-1", order_id="CS1"),
        Adopted("intent", "Id-1", "seen", "CS1"),
        Imported(a_recorded(id="Id-1", order_id="CS1"), "named"),
        Remembered(ADDRESS, Phase.READY, id="Id-1", order_id="CS1"),
    ],
)
def test_every_entry_that_records_a_server_mentions_its_id_and_its_order(entry):
    assert mentions_of([entry]) == id_tokens(["id-1", "CS1"])
    assert mentions_of([entry]) == id_tokens(["ID-1", "cs1"])


def test_a_purchase_mentions_its_names_and_other_calls_what_they_are_about():
    marked = an_intent("web", name="web-x7k2", declared={"name": "web"})
    assert mentions_of([Intended(marked)]) == name_tokens(["web-x7k2", "web"])
    release = an_intent("web", effect=Effect.DESTRUCTIVE, target_id="id-1")
    assert mentions_of([Intended(release)]) == id_tokens(["id-1"])


@pytest.mark.parametrize("form", ["web-1", "WEB-1", " web-1 ", "web_1", "web\u200b-1", "web 1", "\u3000web-1"])
def test_all_forms_of_one_name_have_one_token(form):
    assert are_forms_of_one(form, "web-1")
    assert name_tokens([form]) == name_tokens(["web-1"])
    assert mentions_of([Intended(an_intent("web-1"))]) <= row_tokens([row("id", form)])


@pytest.mark.parametrize("sent", ["", "w", "web", "web-of-many-servers"])
def test_the_servers_of_one_call_are_found_by_the_beginning_of_their_names(sent):
    several = mentions_of([Intended(a_purchase_of_several("a", "b", name=sent))])
    bought = row("id", f"{sent}-0001", order_id="CS1")
    assert several & row_tokens([bought])
    assert (sent == "") == bool(several & row_tokens([row("id", "other", order_id="CS1")]))


def test_what_is_long_or_strange_becomes_a_token_that_any_index_takes():
    """An append must not fail because the cloud has answered with a long id."""
    long = "x" * 5000
    for tokens in (id_tokens([long, "a\0b"]), name_tokens([long])):
        assert all(len(token) < 120 and "\0" not in token for token in tokens)
    assert id_tokens([long]) != id_tokens([long + "x"])
    assert id_tokens([long]) == id_tokens([long.upper()])


def test_a_journal_is_known_to_be_indexed_by_its_first_record():
    created = Created("demo", "dev", Identity(account="a", project="p", region="r"))
    assert mentions_of([created, RunEnded("run", "ended")]) == {INDEXED}


def test_a_state_mentions_what_its_journal_does():
    intents = [an_intent("in-doubt"), a_purchase_of_several("a", "b")]
    state = a_state(a_recorded("one"), intents={one.id: one for one in intents})
    assert mentions_of_state(state) == id_tokens(["id-of-one"]) | mentions_of(map(Intended, intents))
