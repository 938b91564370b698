#include <utility>
#include <variant>

#include "wire/changeset_codec.h"
#include "wire/message_codec.h"
#include "wire/message_parts.h"
#include "wire/schema_codec.h"
#include "wire/write_helpers.h"

namespace odb::wire {
namespace {

struct Writer {
  schema::ClientMessage::Builder out;

  void operator()(const Hello& message) { write_hello(out.initHello(), message); }
  void operator()(const Authenticate& message) {
    auto to = out.initAuthenticate();
    to.setToken(as_data(message.token));
    to.setProof(as_data(message.proof));
  }
  void operator()(const OpenSession& message) {
    write_random_id(out.initOpenSession().getClient(), message.client);
  }
  void operator()(const Resume& message) {
    auto to = out.initResume();
    write_random_id(to.getHistory(), message.history);
    to.setVersion(message.version.value);
  }
  void operator()(const RequestIds& message) { out.initRequestIds().setCount(message.count); }
  void operator()(const DefineSchema& message) {
    auto to = out.initDefineSchema();
    to.setRequest(message.request.value);
    write_schema(to.initSchema(), message.schema);
  }
  void operator()(const Subscribe& message) {
    auto to = out.initSubscribe();
    to.setSubscription(message.subscription.value);
    write_interest(to.initInterest(), message.interest);
    to.setLazy(message.loading == Loading::kLazy);
  }
  void operator()(const Unsubscribe& message) {
    out.initUnsubscribe().setSubscription(message.subscription.value);
  }
  void operator()(const Commit& message) { write_message(out, message); }
  void operator()(const LoadObjects& message) {
    auto to = out.initLoadObjects();
    to.setRequest(message.request.value);
    to.setVersion(message.version.value);
    if (const auto* objects = std::get_if<ObjectsInterest>(&message.what)) {
      to.setType(objects->type.value);
      set_list(to.initObjects(count_of(objects->objects)), objects->objects,
               [](ObjectId id) { return id.value; });
    } else {
      write_interest(to.initWhat(), message.what);
    }
  }
  void operator()(const Release& message) {
    auto to = out.initRelease();
    to.setRequest(message.request.value);
    to.setType(message.type.value);
    set_list(to.initObjects(count_of(message.objects)), message.objects,
             [](ObjectId id) { return id.value; });
  }
  void operator()(const Flush& message) { out.initFlush().setRequest(message.request.value); }
  void operator()(const OldestOpenVersion& message) {
    out.initOldestOpenVersion().setVersion(message.version.value);
  }
  void operator()(const Heartbeat& message) {
    out.initHeartbeat().setVersion(message.version.value);
  }
  void operator()(const Goodbye& message) { write_goodbye(out.initGoodbye(), message); }
  void operator()(const UnknownMessage& message) { write_unknown(out, message); }
};

void read_commit(schema::Commit::Reader in, ReadContext& context, Commit& commit) {
  commit.sequence = Sequence{in.getSequence()};
  if (commit.sequence.value == 0) malformed("a commit with sequence 0");
  commit.lowest_unresolved = Sequence{in.getLowestUnresolved()};
  commit.part = in.getPart();
  commit.last = in.getLast();
  commit.keeps_created = in.getKeepsCreated();
  commit.resent = in.getResent();
  read_request(in, context, commit.request);
}

Authenticate read_authenticate(schema::Authenticate::Reader in) {
  return {read_array<TokenId>(in.getToken(), "a token's identifier"),
          read_array<Proof>(in.getProof(), "a proof")};
}

ObjectId as_object(std::uint64_t id) { return ObjectId{id}; }

LoadObjects read_load_objects(schema::LoadObjects::Reader in, ReadContext& context) {
  LoadObjects load{RequestId{in.getRequest()}, Version{in.getVersion()}, {}};
  if (in.hasWhat()) {
    load.what = read_interest(in.getWhat(), context);
  } else {
    load.what = ObjectsInterest{TypeId{in.getType()},
                                context.read_list<ObjectId>(in.getObjects(), as_object)};
  }
  return load;
}

Release read_release(schema::Release::Reader in, ReadContext& context) {
  return {RequestId{in.getRequest()}, TypeId{in.getType()},
          context.read_list<ObjectId>(in.getObjects(), as_object)};
}

}  // namespace

void write_message(schema::ClientMessage::Builder out, const ClientMessage& message) {
  std::visit(Writer{out}, message);
}

void write_message(schema::ClientMessage::Builder out, const Commit& message) {
  auto to = out.initCommit();
  to.setSequence(message.sequence.value);
  to.setLowestUnresolved(message.lowest_unresolved.value);
  to.setPart(message.part);
  to.setLast(message.last);
  to.setKeepsCreated(message.keeps_created);
  to.setResent(message.resent);
  write_request(to, message.request);
}

void read_message(schema::ClientMessage::Reader in, ReadContext& context, ClientMessage& out) {
  using M = schema::ClientMessage;
  switch (in.which()) {
    case M::HELLO:
      out = read_hello(in.getHello(), context);
      return;
    case M::AUTHENTICATE:
      out = read_authenticate(in.getAuthenticate());
      return;
    case M::OPEN_SESSION:
      out = OpenSession{read_random_id<ClientId>(in.getOpenSession().getClient())};
      return;
    case M::RESUME: {
      const auto from = in.getResume();
      out = Resume{read_random_id<HistoryId>(from.getHistory()), Version{from.getVersion()}};
      return;
    }
    case M::REQUEST_IDS:
      out = RequestIds{in.getRequestIds().getCount()};
      return;
    case M::DEFINE_SCHEMA: {
      const auto from = in.getDefineSchema();
      out = DefineSchema{RequestId{from.getRequest()}, read_schema(from.getSchema(), context)};
      return;
    }
    case M::SUBSCRIBE: {
      const auto from = in.getSubscribe();
      out = Subscribe{SubscriptionId{from.getSubscription()},
                      read_interest(from.getInterest(), context),
                      from.getLazy() ? Loading::kLazy : Loading::kEager};
      return;
    }
    case M::UNSUBSCRIBE:
      out = Unsubscribe{SubscriptionId{in.getUnsubscribe().getSubscription()}};
      return;
    case M::COMMIT:
      read_commit(in.getCommit(), context, out.emplace<Commit>());
      return;
    case M::LOAD_OBJECTS:
      out = read_load_objects(in.getLoadObjects(), context);
      return;
    case M::RELEASE:
      out = read_release(in.getRelease(), context);
      return;
    case M::FLUSH:
      out = Flush{RequestId{in.getFlush().getRequest()}};
      return;
    case M::OLDEST_OPEN_VERSION:
      out = OldestOpenVersion{Version{in.getOldestOpenVersion().getVersion()}};
      return;
    case M::HEARTBEAT:
      out = Heartbeat{Version{in.getHeartbeat().getVersion()}};
      return;
    case M::GOODBYE:
      out = read_goodbye(in.getGoodbye());
      return;
  }
  out = UnknownMessage{static_cast<std::uint16_t>(in.which())};
}

}  // namespace odb::wire
