"""Who counts as one person: what somebody sees of a name, not how it was typed."""

from __future__ import annotations

import pytest

from alamo.domain.records import same_person, spelled


@pytest.mark.parametrize(
    "other",
    [
        "ANN LEE",
        " ann  lee ",
        "AnnLee",
        "Ann\u00a0Lee",
        "Ann\tLee",
        "\uff21nn Lee",
        "Ann\u200b Lee",
        "A\u00adnn Lee",
        "Ann Lee\ufe0f",
        "\u2067Ann Lee\u2069",
        "Ann Lee\u3164",
        "Ann Lee\u180b",
        "Ann\u2800Lee",
    ],
)
def test_one_person_in_another_spelling(other):
    assert same_person("Ann Lee", other)


@pytest.mark.parametrize("other", ["Anna Lee", "Án Lee", "Änn Lee", "Ann-Lee", "Ann Lee 2", "bob"])
def test_another_person(other):
    assert not same_person("Ann Lee", other)


def test_letters_that_fold_into_several_and_accents_in_parts_are_the_same_letters():
    assert same_person("Weiß", "WEISS")
    assert same_person("Zoë", "Zoe\u0308")
    assert same_person("Zoë", "Zoe\u200b\u0308")


@pytest.mark.parametrize("name", ["", " ", "\u200b", "\u2060\ufeff", "\u3164"])
def test_a_name_of_which_nobody_sees_anything_is_none(name):
    assert spelled(name) == ""
