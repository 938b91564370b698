# The messages of the session protocol. A message is one Cap'n Proto segment (no segment table) whose
# root is a ClientMessage or a ServerMessage, cut into frames. docs/protocol.md tells the order of
# messages, README.md here how these files may change.
@0x8c8366be6d069f74;

using Cxx = import "/capnp/c++.capnp";
using Types = import "types.capnp";
$Cxx.namespace("odb::wire::schema");

struct ClientMessage {
  union {
    hello @0 :Hello;
    authenticate @1 :Authenticate;
    openSession @2 :OpenSession;
    resume @3 :Resume;
    requestIds @4 :RequestIds;
    defineSchema @5 :DefineSchema;
    subscribe @6 :Subscribe;
    unsubscribe @7 :Unsubscribe;
    commit @8 :Commit;
    loadObjects @9 :LoadObjects;
    flush @10 :Flush;
    oldestOpenVersion @11 :OldestOpenVersion;
    heartbeat @12 :Heartbeat;
    goodbye @13 :Goodbye;
    release @14 :Release;
    statusRequest @15 :StatusRequest;
  }
}

struct ServerMessage {
  union {
    hello @0 :Hello;
    authenticated @1 :Authenticated;
    sessionOpened @2 :SessionOpened;
    resumed @3 :Resumed;
    idsGranted @4 :IdsGranted;
    creditsGranted @5 :CreditsGranted;
    schemaDefined @6 :SchemaDefined;
    snapshotChunk @7 :SnapshotChunk;
    subscriptionLoaded @8 :SubscriptionLoaded;
    commitDone @9 :CommitDone;
    delta @10 :Delta;
    objectsLoaded @11 :ObjectsLoaded;
    flushed @12 :Flushed;
    heartbeat @13 :Heartbeat;
    requestRefused @14 :RequestRefused;
    goodbye @15 :Goodbye;
    unsubscribed @16 :Unsubscribed;
    commitsAccepted @17 :CommitsAccepted;
    deltas @18 :Deltas;
    status @19 :Status;
  }
}

# ---- either side ----

struct Hello {
  # The first message of either side.
  major @0 :UInt16;               # peers of different major versions do not talk
  minor @1 :UInt16;
  features @2 :List(Text);
  software @3 :Text;              # for logs
}

struct Heartbeat {
  version @0 :UInt64;             # from the server: the receiver has seen everything up to it
}

struct Error {
  code @0 :UInt16;                # as in docs/errors.md
  message @1 :Text;               # for a person
}

struct Goodbye {
  # The last message of either side.
  reason @0 :Error;               # code 0: an orderly end
}

struct IdRange {
  first @0 :UInt64;
  count @1 :UInt64;
}

# ---- client to server ----

struct Authenticate {
  token @0 :Data;                 # 16 bytes: which token
  proof @1 :Data;                 # 32 bytes: that the client knows it
}

struct OpenSession {
  client :group {
    high @0 :UInt64;
    low @1 :UInt64;
  }
  name @2 :Text;                  # of the program, for people; at most 256 bytes
  resumes @3 :Bool;               # Resume follows
}

struct Resume {
  # First in a new session: what the client holds since an earlier one.
  history :group {
    high @0 :UInt64;
    low @1 :UInt64;
  }
  version @2 :UInt64;             # the last one that the client has
  schemas @3 :List(Text);         # whose types it knows
  subscriptions @4 :List(Subscribe);  # loaded ones
  created @5 :List(Interest);     # objects that it sees because it created them
  ids @6 :List(IdRange);          # granted to it before
  connection @7 :UInt64;          # its object of core.Connection
  sentUpTo @8 :UInt64;            # commits up to this sequence were sent in earlier sessions
}

struct RequestIds {
  count @0 :UInt64;
}

struct DefineSchema {
  request @0 :UInt64;
  schema @1 :Types.SchemaDefinition;
}

struct Subscribe {
  subscription @0 :UInt64;
  interest @1 :Interest;
  lazy @2 :Bool;                  # rows carry the fields that stand in indexes, no others
}

struct Interest {
  union {
    schema @0 :Text;              # every type of the schema, those defined later included
    type @1 :UInt32;
    index :group {                # objects whose indexed fields have this value
      index @2 :UInt32;
      key @3 :List(Types.Value);  # one per field of the index
    }
    objects :group {
      type @4 :UInt32;
      objects @5 :List(UInt64);
    }
    range @6 :IndexRange;
  }
}

struct IndexRange {
  # Objects whose indexed fields begin with these values and whose next one lies between the bounds.
  index @0 :UInt32;
  prefix @1 :List(Types.Value);
  lower @2 :RangeBound;           # null: none
  upper @3 :RangeBound;
}

struct RangeBound {
  value @0 :Types.Value;
  exclusive @1 :Bool;
}

struct Unsubscribe {
  subscription @0 :UInt64;
}

struct Commit {
  # A transaction, or one part of it. The cells that it read stand here and all other reads apart,
  # because most commits have read cells only.
  sequence @0 :UInt64;            # not 0
  lowestUnresolved @1 :UInt64;    # every lower sequence's outcome has reached the client
  snapshot @2 :UInt64;            # the version that the transaction read
  part @3 :UInt32;                # parts of one commit count from 0
  last @4 :Bool = true;
  cellReads @5 :List(Types.CellRead);
  broadReads @6 :Types.BroadReads;
  writes @7 :Types.Changeset;     # of kinds create, update, delete
  keepsCreated @8 :Bool;          # what it creates is the client's to see until released
  triesAgain @9 :Bool;            # after a conflict the client runs the transaction again, at once
}

struct Release {
  # Objects that the client sees only because it created them, and need not see any more. Answered
  # with Flushed.
  request @0 :UInt64;
  type @1 :UInt32;
  objects @2 :List(UInt64);
}

struct LoadObjects {
  request @0 :UInt64;
  version @1 :UInt64;
  type @2 :UInt32;                # these objects, ...
  objects @3 :List(UInt64);
  what @4 :Interest;              # ... or, when not null, what this names
}

struct Flush {
  request @0 :UInt64;
}

struct StatusRequest {
  # Only to a server whose Hello has the feature "status".
  request @0 :UInt64;
}

struct OldestOpenVersion {
  version @0 :UInt64;
}

# ---- server to client ----

struct Authenticated {
  proof @0 :Data;                 # 32 bytes: that the server knows the token
}

struct SessionOpened {
  session @0 :UInt64;
  history :group {
    high @1 :UInt64;
    low @2 :UInt64;
  }
  version @3 :UInt64;
  commitBytesMax @4 :UInt64;      # size of one commit on the wire
  commitCredits @5 :UInt32;       # commits that may be in flight; an outcome returns its own
  heartbeatIntervalMs @6 :UInt32;
  silenceTimeoutMs @7 :UInt32;    # after this long without a byte the peer counts as dead
  actor @8 :Text;                 # the name of the token
  ids @9 :List(IdRange);
  connection @10 :UInt64;         # the identity of this connection's object of core.Connection
}

struct Resumed {
  # The missed deltas came before it.
  history :group {
    high @0 :UInt64;
    low @1 :UInt64;
  }
  version @2 :UInt64;
  continued @3 :Bool;             # false: the client holds nothing any more, and subscribes anew
  connection @4 :UInt64;          # the connection's object from now on
}

struct IdsGranted {
  range @0 :IdRange;
}

struct CreditsGranted {
  commits @0 :UInt32;
}

struct SchemaDefined {
  request @0 :UInt64;
  version @1 :UInt64;
  types @2 :List(Types.CatalogType);  # of the schema, as stored now
}

struct SnapshotChunk {
  subscription @0 :UInt64;
  version @1 :UInt64;             # the rows as of this version
  rows @2 :Types.RowBlock;
}

struct SubscriptionLoaded {
  subscription @0 :UInt64;
  version @1 :UInt64;
}

struct Conflict {
  key @0 :Types.ReadKey;          # the read that is no longer true
  read @1 :UInt64;                # the loser's snapshot
  won @2 :UInt64;                 # the version that changed it; 0 when older than the horizon
  actor @3 :Text;                 # whose commit that was; empty when older than the horizon
  client :group {                 # which client's, and its sequence there; 0 likewise
    high @4 :UInt64;
    low @5 :UInt64;
  }
  sequence @6 :UInt64;
}

struct CommitDone {
  sequence @0 :UInt64;
  union {
    accepted @1 :UInt64;          # the version that the commit became
    conflict @2 :Conflict;
    error @3 :Error;
  }
}

struct CommitsAccepted {
  # Outcomes of several commits at once, for a client whose Hello has the feature "commits-accepted".
  commits @0 :List(AcceptedCommit);  # in the order of their versions
}

struct AcceptedCommit {
  sequence @0 :UInt64;
  version @1 :UInt64;
  isDelta @2 :Bool;               # what the client sent is also its delta: no other one comes
}

struct Delta {
  # What one commit changes, as seen by one subscriber.
  version @0 :UInt64;
  actor @1 :Text;
  changes @2 :Types.Changeset;
}

struct Deltas {
  # Several deltas, for a client whose Hello has the feature "deltas". Flat, as a changeset is: the
  # first commit's objects come first, then the second's.
  commits @0 :List(DeltaCommit);  # in the order of their versions
  actors @1 :List(Text);          # whose commits they are
  changes @2 :Types.Changeset;
}

struct DeltaCommit {
  version @0 :UInt64;
  objects @1 :UInt32;             # how many of the changed objects are this commit's
  actor @2 :UInt32;               # position in Deltas.actors
}

struct Unsubscribed {
  # No later delta is due to this subscription.
  subscription @0 :UInt64;
  version @1 :UInt64;
}

struct ObjectsLoaded {
  request @0 :UInt64;
  rows @1 :Types.RowBlock;
  more @2 :Bool;                  # further blocks answer the same request
}

struct Flushed {
  request @0 :UInt64;
  version @1 :UInt64;
}

struct Status {
  # How the server is. Figures have the names of its metrics, and later servers may have others.
  request @0 :UInt64;
  history :group {
    high @1 :UInt64;
    low @2 :UInt64;
  }
  version @3 :UInt64;
  idsBelow @4 :UInt64;            # no identity from here on was granted
  software @5 :Text;
  store @6 :Text;
  schemas @7 :List(Text);         # those that the client may see
  figures @8 :List(Figure);
}

struct Figure {
  name @0 :Text;
  value @1 :Float64;
}

struct RequestRefused {
  union {                         # what is refused
    nothing @0 :Void;             # a message that carries no number
    request @1 :UInt64;
    subscription @2 :UInt64;
  }
  error @3 :Error;
}
