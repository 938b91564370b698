// The messages of the session protocol as plain structs. docs/protocol.md tells their order;
// schemas/message.capnp is their form on the wire.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "odb/core/changeset.h"
#include "odb/core/error.h"
#include "odb/core/ids.h"
#include "odb/core/interest.h"
#include "odb/core/schema.h"
#include "odb/core/server_status.h"

namespace odb {

inline constexpr std::uint16_t kProtocolMajor = 1;
inline constexpr std::uint16_t kProtocolMinor = 0;

// Features that a Hello may name.
// A client's: it takes CommitsAccepted.
inline constexpr const char* kFeatureCommitsAccepted = "commits-accepted";
// A client's: it takes Deltas.
inline constexpr const char* kFeatureDeltas = "deltas";
// A server's: transactions that try again are told of a conflict when it is their turn.
inline constexpr const char* kFeatureTurns = "turns";
// A server's: it answers StatusRequest.
inline constexpr const char* kFeatureStatus = "status";

using TokenId = std::array<std::byte, 16>;
using Proof = std::array<std::byte, 32>;

// ---- client to server ----

struct Hello {  // first message of either side
  std::uint16_t major = kProtocolMajor;
  std::uint16_t minor = kProtocolMinor;
  std::vector<std::string> features;
  std::string software;  // "odb 0.1.0", for logs
  friend bool operator==(const Hello&, const Hello&) = default;
};
struct Authenticate {
  TokenId token{};
  Proof proof{};
  friend bool operator==(const Authenticate&, const Authenticate&) = default;
};
struct OpenSession {
  ClientId client;
  std::string name;      // of the program, for people
  bool resumes = false;  // Resume follows
  friend bool operator==(const OpenSession&, const OpenSession&) = default;
};
struct RequestIds {
  std::uint64_t count = 0;
  friend bool operator==(const RequestIds&, const RequestIds&) = default;
};
struct DefineSchema {
  RequestId request;
  SchemaDefinition schema;
  friend bool operator==(const DefineSchema&, const DefineSchema&) = default;
};
struct Subscribe {
  SubscriptionId subscription;
  Interest interest;
  Loading loading = Loading::kEager;
  friend bool operator==(const Subscribe&, const Subscribe&) = default;
};
// First in a new session of a client that had one before: what it holds, as of `version`.
struct Resume {
  HistoryId history;
  Version version;
  std::vector<std::string> schemas;      // whose types it knows
  std::vector<Subscribe> subscriptions;  // loaded ones
  std::vector<ObjectsInterest> created;  // its own to see
  std::vector<IdRange> ids;              // granted to it before
  ObjectId connection;                   // its object of core.Connection
  Sequence sent_up_to;                   // commits up to this one were sent in earlier sessions
  friend bool operator==(const Resume&, const Resume&) = default;
};
struct Unsubscribe {
  SubscriptionId subscription;
  friend bool operator==(const Unsubscribe&, const Unsubscribe&) = default;
};
struct Commit {
  Sequence sequence;
  Sequence lowest_unresolved;  // every lower sequence's outcome has reached the client
  std::uint32_t part = 0;      // parts of one commit count from 0
  bool last = true;
  bool keeps_created = false;  // what it creates is the client's to see until it releases it
  CommitRequest request;
  friend bool operator==(const Commit&, const Commit&) = default;
};
struct Release {      // the client lets go of objects that it sees only because it created them
  RequestId request;  // answered with Flushed
  TypeId type;
  std::vector<ObjectId> objects;
  friend bool operator==(const Release&, const Release&) = default;
};
struct LoadObjects {  // as of a version, without subscribing
  RequestId request;
  Version version;
  Interest what;
  friend bool operator==(const LoadObjects&, const LoadObjects&) = default;
};
struct Flush {
  RequestId request;
  friend bool operator==(const Flush&, const Flush&) = default;
};
struct StatusRequest {
  RequestId request;
  friend bool operator==(const StatusRequest&, const StatusRequest&) = default;
};
struct OldestOpenVersion {
  Version version;
  friend bool operator==(const OldestOpenVersion&, const OldestOpenVersion&) = default;
};
struct Heartbeat {
  Version version;  // from the server: the receiver has seen everything up to it
  friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};
struct Goodbye {  // last message of either side
  Error reason;   // kNone: an orderly end
  friend bool operator==(const Goodbye&, const Goodbye&) = default;
};
struct UnknownMessage {  // a kind that this program does not know; a newer peer may send it
  std::uint16_t kind = 0;
  friend bool operator==(const UnknownMessage&, const UnknownMessage&) = default;
};

using ClientMessage =
    std::variant<Hello, Authenticate, OpenSession, Resume, RequestIds, DefineSchema, Subscribe,
                 Unsubscribe, Commit, LoadObjects, Flush, OldestOpenVersion, Heartbeat, Goodbye,
                 Release, StatusRequest, UnknownMessage>;

// ---- server to client ----

struct Authenticated {
  Proof proof{};
  friend bool operator==(const Authenticated&, const Authenticated&) = default;
};
struct SessionOpened {
  SessionId session;
  HistoryId history;
  Version version;
  std::string actor;  // the name of the token
  std::vector<IdRange> ids;
  std::uint32_t commit_credits = 0;    // commits that may be in flight; an outcome returns its own
  std::uint64_t commit_bytes_max = 0;  // size of one commit on the wire
  std::uint32_t heartbeat_interval_ms = 0;
  std::uint32_t silence_timeout_ms = 0;  // after this long without a byte the peer counts as dead
  ObjectId connection;                   // this connection's object of core.Connection
  friend bool operator==(const SessionOpened&, const SessionOpened&) = default;
};
struct Resumed {
  bool continued = false;  // false: the client subscribes anew to what it held
  HistoryId history;
  Version version;
  ObjectId connection;  // the connection's object from now on
  friend bool operator==(const Resumed&, const Resumed&) = default;
};
struct IdsGranted {
  IdRange range;
  friend bool operator==(const IdsGranted&, const IdsGranted&) = default;
};
struct CreditsGranted {
  std::uint32_t commits = 0;
  friend bool operator==(const CreditsGranted&, const CreditsGranted&) = default;
};
struct SchemaDefined {
  RequestId request;
  Version version;
  std::vector<CatalogType> types;  // of the schema, as stored now
  friend bool operator==(const SchemaDefined&, const SchemaDefined&) = default;
};
struct SnapshotChunk {
  SubscriptionId subscription;
  Version version;  // the rows as of this version
  RowBlock rows;
  friend bool operator==(const SnapshotChunk&, const SnapshotChunk&) = default;
};
struct SubscriptionLoaded {
  SubscriptionId subscription;
  Version version;
  friend bool operator==(const SubscriptionLoaded&, const SubscriptionLoaded&) = default;
};
struct Unsubscribed {  // no later delta is due to this subscription
  SubscriptionId subscription;
  Version version;
  friend bool operator==(const Unsubscribed&, const Unsubscribed&) = default;
};
struct CommitDone {
  Sequence sequence;
  CommitOutcome outcome;
  friend bool operator==(const CommitDone&, const CommitDone&) = default;
};
// Outcomes of several commits at once, in the order of their versions.
struct CommitsAccepted {
  struct Commit {
    Sequence sequence;
    Version version;
    bool is_delta = false;  // what the client sent is also its delta: no other one comes
    friend bool operator==(const Commit&, const Commit&) = default;
  };
  std::vector<Commit> commits;
  friend bool operator==(const CommitsAccepted&, const CommitsAccepted&) = default;
};
struct Delta {
  Version version;
  std::string actor;
  Changeset changes;
  friend bool operator==(const Delta&, const Delta&) = default;
};
// Several at once, in the order of their versions.
struct Deltas {
  std::vector<Delta> deltas;
  friend bool operator==(const Deltas&, const Deltas&) = default;
};
struct ObjectsLoaded {
  RequestId request;
  RowBlock rows;
  bool last = true;  // else more follow
  friend bool operator==(const ObjectsLoaded&, const ObjectsLoaded&) = default;
};
struct Flushed {
  RequestId request;
  Version version;
  friend bool operator==(const Flushed&, const Flushed&) = default;
};
// Refuses one request; the session goes on. A refusal that ends the session is a Goodbye.
struct RequestRefused {
  // What is refused: a request, a subscription, or (monostate) a message that carries no number.
  std::variant<std::monostate, RequestId, SubscriptionId> about;
  Error error;
  friend bool operator==(const RequestRefused&, const RequestRefused&) = default;
};

using ServerMessage =
    std::variant<Hello, Authenticated, SessionOpened, Resumed, IdsGranted, CreditsGranted,
                 SchemaDefined, SnapshotChunk, SubscriptionLoaded, CommitDone, Delta, ObjectsLoaded,
                 Flushed, Heartbeat, RequestRefused, Goodbye, Unsubscribed, CommitsAccepted, Deltas,
                 ServerStatus, UnknownMessage>;

}  // namespace odb
