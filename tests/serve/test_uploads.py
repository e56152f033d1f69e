import pytest

from im2latex_cli.serve.documents import Uploads
from im2latex_cli.serve.requests import RefusedError


class Clock:
    """Time that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def is_there(uploads: Uploads[str], key: str) -> bool:
    try:
        return bool(uploads.get(key))
    except RefusedError as error:
        if error.status == 404:
            return False
        raise


def test_an_item_is_kept_until_it_was_not_used_for_long() -> None:
    clock = Clock()
    uploads: Uploads[str] = Uploads(limit=3, seconds=10, clock=clock)
    first, second = uploads.add("first"), uploads.add("second")
    clock.now = 9
    assert uploads.get(first) == "first"
    clock.now = 18
    assert is_there(uploads, first)
    assert not is_there(uploads, second)
    clock.now = 28
    uploads.delete_expired()
    assert len(uploads) == 0


def test_one_too_many_replaces_the_least_recently_used() -> None:
    uploads: Uploads[str] = Uploads(limit=2, seconds=10)
    first, second = uploads.add("first"), uploads.add("second")
    uploads.get(first)
    third = uploads.add("third")
    assert [is_there(uploads, key) for key in (first, second, third)] == [True, False, True]


def test_a_deleted_item_is_gone_and_may_be_deleted_again() -> None:
    uploads: Uploads[str] = Uploads(limit=2, seconds=10)
    key = uploads.add("first")
    uploads.delete(key)
    uploads.delete(key)
    assert not is_there(uploads, key)


def test_nobody_can_guess_a_key() -> None:
    uploads: Uploads[int] = Uploads(limit=100, seconds=10)
    keys = {uploads.add(number) for number in range(100)}
    assert len(keys) == 100
    assert min(map(len, keys)) >= 20


@pytest.mark.parametrize("key", ["", "no such key", "../healthz"])
def test_an_unknown_key_is_404(key: str) -> None:
    assert not is_there(Uploads(limit=2, seconds=10), key)
