"""Rows 27 to 35, and 4: a SealedSecret put in another place, changed, or a stranger's."""

from __future__ import annotations

import pytest

from sealing import ItemsFailed, unseal_manifest
from tests.conformance.places import MOVES, Place
from tests.sealing.kit import certificate, other_key, vector_key
from tests.support.sealed_objects import data_of

NK = "no key could decrypt secret"


def moves(suffix):
    params = [pytest.param(move, id=f"row-{move.row}-{suffix}") for move in MOVES]
    return pytest.mark.parametrize("move", params)


@moves("library")
def test_library_opens_where_the_row_says(move):
    place = Place(certificate(), certificate(other_key()), "ours", "elsewhere", "n")
    made = move.change(place)
    if move.wanted is None:
        with pytest.raises(ItemsFailed, match=rf"^{NK} \(foo\)$"):
            unseal_manifest(made, [vector_key()])
    else:
        assert data_of(unseal_manifest(made, [vector_key()])) == move.wanted


@moves("theirs")
def test_real_controller_does_as_the_row_says(move, peer):
    """The rows are facts about Sealed Secrets, not only about us."""
    check_live(move, peer.certificate, peer.objects, peer.elsewhere)


@moves("ours")
def test_our_service_does_as_the_row_says(move, peer, ours):
    check_live(move, peer.certificate, ours.objects, ours.elsewhere)


def check_live(move, seal_for, objects, elsewhere):
    """Hold a live controller of two namespaces against a row."""
    stranger = certificate(other_key())
    names = (objects.namespace, elsewhere.namespace, f"row-{move.row}")
    made = move.change(Place(seal_for, stranger, *names))
    if made["metadata"]["namespace"] == elsewhere.namespace:
        objects = elsewhere
    name = made["metadata"]["name"]
    if move.wanted is None:
        assert NK in objects.refused(made)
        event = ("Warning", "ErrUnsealFailed")
    else:
        assert data_of(objects.unsealed(made)) == move.wanted
        event = ("Normal", "Unsealed")
    objects.wait_event(name, *event)
