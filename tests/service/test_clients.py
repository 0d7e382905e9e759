"""Clients: encoded ids that are made, brought along, skipped and kept apart by bot."""

from __future__ import annotations

import pytest

from remora import ids
from remora.errors import ClientExists, InvalidField, NoClientFound, NoSuchBot
from remora.model import Platform
from remora.service import clients
from remora.service.installation import Installation
from tests.cast import Shop


def test_encoded_ids_are_hashids_of_a_count_with_the_installations_salt(installation: Installation, shop: Shop) -> None:
    made = [shop.client(platform_client_id=f"U{number}") for number in range(1, 4)]
    assert made == [ids.client_id(installation.encoder, number) for number in range(1, 4)]
    assert all(len(each) >= 9 for each in made)


def test_without_a_salt_1_is_the_sources_sample() -> None:
    assert ids.client_id(ids.encoder_of(""), 1) == "VolejRejN"


def test_another_installation_has_another_salt() -> None:
    assert ids.client_id(ids.encoder_of("one"), 1) != ids.client_id(ids.encoder_of("two"), 1)


def test_an_id_that_was_brought_along_is_skipped_when_its_turn_comes(installation: Installation, shop: Shop) -> None:
    first, second, third = (ids.client_id(installation.encoder, number) for number in (1, 2, 3))
    shop.client(platform_client_id="U1", client_id=second)
    assert [shop.client(platform_client_id=f"V{n}") for n in range(2)] == [first, third]


def test_adding_a_client_again_changes_nothing(shop: Shop, installation: Installation) -> None:
    client_id = shop.client(5)
    assert shop.client() == client_id
    assert shop.client(client_id=client_id) == client_id
    assert len(clients.page(installation, shop.bot_id, "", 10)) == 1


def test_a_platform_id_cannot_get_a_second_encoded_id(shop: Shop) -> None:
    client_id = shop.client()
    with pytest.raises(ClientExists, match=client_id):
        shop.client(client_id="anotherId")


def test_an_encoded_id_cannot_be_given_to_a_second_client(shop: Shop) -> None:
    client_id = shop.client()
    with pytest.raises(ClientExists, match=client_id):
        shop.client(platform_client_id="U2", client_id=client_id)


@pytest.mark.parametrize("client_id", ["", "a" * 65, "has space", "é", "a/b"])
def test_an_encoded_id_out_of_bounds_is_refused_and_named(shop: Shop, client_id: str) -> None:
    with pytest.raises(InvalidField, match="clientId"):
        shop.client(client_id=client_id)


@pytest.mark.parametrize("platform_client_id", ["", "a" * 257, "a\0b", "a\nb", "\udcff"])
def test_a_platform_id_out_of_bounds_is_refused_and_named(shop: Shop, platform_client_id: str) -> None:
    with pytest.raises(InvalidField, match="platformClientId"):
        shop.client(platform_client_id=platform_client_id)


def test_a_client_of_no_bot_is_refused(installation: Installation) -> None:
    with pytest.raises(NoSuchBot):
        clients.add(installation, "nobody", Platform.LINE, "U1")


def test_one_bot_cannot_show_anothers_client(installation: Installation, shop: Shop, rival: Shop) -> None:
    client_id = shop.client()
    assert clients.show(installation, shop.bot_id, client_id).platform_client_id == "U1"
    with pytest.raises(NoClientFound):
        clients.show(installation, rival.bot_id, client_id)


def test_pages_go_on_after_the_last_id_and_neither_repeat_nor_skip(installation: Installation, shop: Shop) -> None:
    made = sorted(shop.client(platform_client_id=f"U{number}") for number in range(7))
    pages, after = [], ""
    while page := clients.page(installation, shop.bot_id, after, 3):
        pages.append([each.client_id for each in page])
        after = page[-1].client_id
    assert pages == [made[:3], made[3:6], made[6:]]
