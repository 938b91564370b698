"""What the servers inside this process have in common."""

import atexit
import weakref
from typing import Any, Optional, Tuple

from typing_extensions import Self

from object_database import _odb_server
from object_database.exceptions import UsageException
from object_database.view import ConflictCount

__all__ = ["EmbeddedServer"]


class EmbeddedServer:
    """The base of TcpServer and InMemServer. It has a thread of its own; its methods may be called
    from any thread.
    """

    def __init__(self, host: Optional[str], port: int, auth_token: str) -> None:
        self._host = host  # None: it does not listen
        self._port = port
        self._given_token = auth_token
        self._server: Optional[_odb_server.Server] = None

    def start(self) -> None:
        """Runs when this returns. Raises ServerError, for one when its port is taken."""
        if self._server is not None:
            raise UsageException("the server runs already")
        self._server = _odb_server.Server(self._host, self._port, self._given_token)
        _running.add(self)

    def stop(self) -> None:
        """Ends every session: what clients wait for raises DisconnectedException. All objects are
        gone. Returns within some seconds; does nothing when the server does not run.
        """
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    @property
    def auth_token(self) -> str:
        """The token that clients show. Raises UsageException while it does not run."""
        return self._running_server().token()

    def conflictCounts(self) -> Tuple[ConflictCount, ...]:
        """What the transactions of all clients have conflicted on, the most frequent first; since
        the start. Raises UsageException while it does not run.
        """
        return tuple(ConflictCount(*each) for each in self._running_server().conflict_counts())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, type: Any, value: Any, traceback: Any) -> None:
        self.stop()

    def __repr__(self) -> str:
        where = "stopped" if self._server is None else self._place()
        return f"<{self.__class__.__name__} {where}>"

    def _place(self) -> str:
        return "running"

    def _token_for(self, auth_token: Optional[str]) -> str:
        if auth_token is None or (auth_token == "" and not self._given_token):
            return self.auth_token
        return auth_token

    def _running_server(self) -> _odb_server.Server:
        server = self._server
        if server is None:
            raise UsageException("the server does not run: start() it first")
        if server.is_forked():
            raise UsageException("the server runs in the process that was forked")
        return server


_running: "weakref.WeakSet[EmbeddedServer]" = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    for server in list(_running):
        server.stop()
