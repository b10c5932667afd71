"""How many connections and subscriptions a tenant has with this process, and no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from aurum.errors import AurumError
from aurum.market.counts import counted
from aurum.settings import SubscriptionSettings


class TooManyConnections(AurumError):
    code = "TOO_MANY_CONNECTIONS"
    status = 429


class TooManyOperations(AurumError):
    code = "TOO_MANY_OPERATIONS"
    status = 429


class TooManySubscriptions(AurumError):
    code = "TOO_MANY_SUBSCRIPTIONS"
    status = 429


class Seats:
    def __init__(self, settings: SubscriptionSettings) -> None:
        self._settings = settings
        self.connections = Counter[str]()
        self.subscriptions = Counter[str]()

    @contextmanager
    def connection(self, tenant: str) -> Iterator[None]:
        """Held while the connection is open. Raises TooManyConnections."""
        most = self._settings.max_connections
        if self.connections[tenant] >= most:
            raise TooManyConnections(
                f"{counted(most, 'connection')} open already", hint="Close some, or try again later."
            )
        with _counted(self.connections, tenant):
            yield

    @contextmanager
    def subscription(self, tenant: str) -> Iterator[None]:
        """Held while it runs. Raises TooManySubscriptions."""
        most = self._settings.max_subscriptions
        if self.subscriptions[tenant] >= most:
            raise TooManySubscriptions(
                f"{counted(most, 'subscription')} running already", hint="End some, or try again later."
            )
        with _counted(self.subscriptions, tenant):
            yield


@contextmanager
def _counted(counter: Counter[str], tenant: str) -> Iterator[None]:
    counter[tenant] += 1
    try:
        yield
    finally:
        counter[tenant] -= 1
        if not counter[tenant]:
            del counter[tenant]
