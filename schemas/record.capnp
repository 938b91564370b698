# What durable stores keep. A record is one Cap'n Proto segment (no segment table) whose root is one
# of these structs; docs/redis.md says where each stands. README.md says how these files may change.
@0xd1a3c5b97e6f2048;

using Cxx = import "/capnp/c++.capnp";
using Types = import "types.capnp";
$Cxx.namespace("odb::wire::schema");

struct ObjectRecord {
  # One object as its newest version left it.
  version @0 :UInt64;
  fields @1 :List(Types.Value);   # fewer than the type has, when the object is older than the last
}

struct OutcomesRecord {
  # Which commits of one client took effect.
  actor @0 :Text;
  keptFrom @1 :UInt64;            # every commit from this sequence on is listed
  sequences @2 :List(UInt64);     # ascending
  versions @3 :List(UInt64);      # as many
}

struct LoggedCommit {
  version @0 :UInt64;
  actor @1 :Text;
  client :group {
    high @2 :UInt64;
    low @3 :UInt64;
  }
  sequence @4 :UInt64;            # 0: none
  lowestUnresolved @5 :UInt64;
  changes @6 :Types.Changeset;
  schema @7 :Types.SchemaDefinition;  # null: the commit changes objects
}

struct LogRecord {
  # Consecutive versions that became durable together.
  commits @0 :List(LoggedCommit);
}
