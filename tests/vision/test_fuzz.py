"""Mutated pictures end with a picture or with one line, never with a crash or a hang."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

PATH = Path(__file__).parent.parent / "bench" / "fuzz_pictures.py"


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    found = importlib.util.spec_from_file_location("fuzz_pictures", PATH)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_two_thousand_mutated_pictures(fuzz: ModuleType) -> None:
    ended = fuzz.run(2000)
    assert ended.total() == 2000
    kinds = {kind for kind, _ in fuzz.seeds()}
    assert {(kind, end) for kind in kinds for end in ("picture", "refused")} == ended.keys()


def test_an_input_is_the_same_whatever_ran_before(fuzz: ModuleType) -> None:
    sound = fuzz.seeds()
    assert fuzz.case(7, 0, sound) == fuzz.case(7, 0, sound) != fuzz.case(7, 1, sound)
    assert {fuzz.read(data) for _, data in sound} == {"picture"}


def test_what_is_neither_a_picture_nor_an_input_error_is_found(fuzz, monkeypatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(fuzz, "open_grey", fail)
    with pytest.raises(ZeroDivisionError):
        fuzz.run(1)
    monkeypatch.setattr(fuzz, "open_grey", lambda *_, **__: 0)
    monkeypatch.setattr(fuzz, "prepare", lambda *_: fuzz.np.zeros((0, 4), "uint8"))
    with pytest.raises(AssertionError, match="no picture"):
        fuzz.run(1)
