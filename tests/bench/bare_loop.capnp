@0xc3d9b6f0a1e75d24;
# What the bare loop exchanges: a commit's numbers, and a filler that makes a message as long as one of odb.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("odb::bench::schema");

struct BareCommit {
  sequence @0 :UInt64;
  snapshot @1 :UInt64;
  object @2 :UInt64;
  value @3 :Int64;
  filler @4 :Data;
}

struct BareOutcome {
  sequence @0 :UInt64;
  version @1 :UInt64;
  value @2 :Int64;
  filler @3 :Data;
}
