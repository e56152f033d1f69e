"""Documents that were uploaded, kept until they are deleted, unused for long, or too many."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from im2latex_cli.serve.intake import RefusedError

Item = TypeVar("Item")
_KEY_BYTES = 16


class Uploads(Generic[Item]):
    """Keeps items under keys that nobody can guess, those used last at the end.

    Args:
        most: number of items; one more replaces the least recently used.
        seconds: time after its last use until an item is deleted.
        clock: tells the time in seconds.
    """

    def __init__(
        self, *, most: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._seconds, self._clock = most, seconds, clock
        self._items: OrderedDict[str, tuple[float, Item]] = OrderedDict()

    def __len__(self) -> int:
        """Number of items that are kept."""
        return len(self._items)

    def add(self, item: Item) -> str:
        """Keep an item, and return its key."""
        self.delete_expired()
        while len(self._items) >= self._most:
            self._items.popitem(last=False)
        key = secrets.token_urlsafe(_KEY_BYTES)
        self._items[key] = self._clock(), item
        return key

    def get(self, key: str) -> Item:
        """The item of a key; its time begins anew.

        Raises:
            RefusedError: there is none, or it was deleted.
        """
        self.delete_expired()
        if key not in self._items:
            raise RefusedError(
                404,
                "no-document",
                "There is no such document, or no longer.",
                hint="Upload it again.",
            )
        _, item = self._items.pop(key)
        self._items[key] = self._clock(), item
        return item

    def delete(self, key: str) -> None:
        """Delete an item, if it is there."""
        self._items.pop(key, None)

    def delete_expired(self) -> None:
        """Delete the items that were not used for long."""
        oldest = self._clock() - self._seconds
        while self._items and next(iter(self._items.values()))[0] <= oldest:
            self._items.popitem(last=False)
