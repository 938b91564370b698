"""docs/python.md: its examples run, and it has the names. A new section is found by itself."""

import pathlib
import re

import pytest

import object_database

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "python.md"

# What the reference speaks of; a name is added here with its section.
NAMES = """
    connect Schema Indexed Index current_transaction core_schema OneOf TupleOf ListOf ConstDict
    NamedTuple Tuple Alternative DatabaseConnection DatabaseObject View Transaction
    TransactionResult Change Changes define freeze lookupAll lookupOne lookupAny lookupUnique
    fromIdentity delete exists _identity subscribeToSchema subscribeToType subscribeToIndex
    subscribeToObject subscribeToObjects subscribeToNone isSubscribedToSchema isSubscribedToType
    isSubscribedToIndex view transaction flush aflush currentTransactionId changes
    registerOnTransactionHandler dropTransactionHandler addSchema disconnect commit nocommit
    noconfirm onConfirmed withCommitTimeout transaction_id getFieldReads getFieldWrites
    getIndexReads getIndexWrites db lookupRange count countRange atomicAdd atomicAppend atomicInsert
    atomicErase AtomicOperation Subscription isLoaded objectsLoaded wait unsubscribe
    unsubscribeFromType unsubscribeFromRange subscribeToRange isSubscribedToRange releaseObjects
    SubscribeLazilyByDefault isLazyByDefault requestLazyObjects revisionConflictRetry MaskView
    addViewWatcher dropViewWatcher markFieldRead markIndexRead waitForCondition waitForTransactionId
    currentTransactionIdForType currentTransactionIdForSchema InMemServer TcpServer
    isConnected registerOnLinkHandler dropLinkHandler connectionObject OwnedBy Reactor start stop
    running teardown next blockUntilTrue isRunning
    curTimestamp curTimestampIsAfter conflictCounts ConflictCount NotSubscribedException
""".split()


def sections():
    """Headings of level two, and of each the blocks with the lines on which they begin."""
    found = {}
    heading, block, begin = None, None, 0
    for number, line in enumerate(PAGE.read_text().splitlines(), start=1):
        if block is None and line.startswith("## "):
            heading = line[3:]
            found[heading] = []
        elif block is None and line.startswith("```python"):
            block, begin = [], number
        elif block is not None and line == "```":
            found[heading].append((begin, "\n".join(block)))
            block = None
        elif block is not None:
            block.append(line)
    assert block is None, f"{PAGE}:{begin}: the block does not end"
    return found


SECTIONS = sections()
FIRST = next(iter(SECTIONS))


def run(blocks, namespace):
    for begin, text in blocks:
        # As many empty lines before it as the page has, so that errors name the page's lines.
        exec(compile("\n" * begin + text, str(PAGE), "exec"), namespace)


@pytest.mark.parametrize("heading", SECTIONS)
def test_the_examples_of_the_section_run(heading, own_server, monkeypatch):
    connections = []
    real_connect = object_database.connect

    def connect(host, port, auth_token, *args, **kwargs):
        servers = [host] if isinstance(host, str) else host
        places = [(server, port) if isinstance(server, str) else server for server in servers]
        assert places[0] == ("localhost", 8000)
        places = [(name, own_server.port) for name, _ in places]
        token = own_server.token if auth_token == "TOKEN" else auth_token
        connection = real_connect(places, None, token, *args, **kwargs)
        connection._name = "localhost:8000"
        connections.append(connection)
        return connection

    monkeypatch.setattr(object_database, "connect", connect)
    namespace = {"__name__": "reference"}
    try:
        run(SECTIONS[FIRST], namespace)
        if heading != FIRST:
            run(SECTIONS[heading], namespace)
    finally:
        for connection in connections:
            connection.disconnect()
    assert connections


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_has_the_name(name):
    assert re.search(rf"(?<!\w){name}(?!\w)", PAGE.read_text())


def test_every_exception_is_in_the_table():
    for each in vars(object_database.exceptions).values():
        if isinstance(each, type) and issubclass(each, object_database.OdbException):
            assert f"`{each.__name__}`" in PAGE.read_text()


def test_every_section_has_an_example():
    assert len(SECTIONS) > 10
    assert [heading for heading, blocks in SECTIONS.items() if not blocks] == []
