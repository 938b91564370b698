#include <utility>
#include <variant>

#include "wire/changeset_codec.h"
#include "wire/message_codec.h"
#include "wire/message_parts.h"
#include "wire/schema_codec.h"
#include "wire/write_helpers.h"

namespace odb::wire {
namespace {

void write_subscribe(schema::Subscribe::Builder to, const Subscribe& message) {
  to.setSubscription(message.subscription.value);
  write_interest(to.initInterest(), message.interest);
  to.setLazy(message.loading == Loading::kLazy);
}

struct Writer {
  schema::ClientMessage::Builder out;

  void operator()(const Hello& message) { write_hello(out.initHello(), message); }
  void operator()(const Authenticate& message) {
    auto to = out.initAuthenticate();
    to.setToken(as_data(message.token));
    to.setProof(as_data(message.proof));
  }
  void operator()(const OpenSession& message) {
    auto to = out.initOpenSession();
    write_random_id(to.getClient(), message.client);
    if (!message.name.empty()) to.setName(as_text(message.name));
    to.setResumes(message.resumes);
  }
  void operator()(const Resume& message) {
    auto to = out.initResume();
    write_random_id(to.getHistory(), message.history);
    to.setVersion(message.version.value);
    set_list(to.initSchemas(count_of(message.schemas)), message.schemas, as_text);
    write_list(to.initSubscriptions(count_of(message.subscriptions)), message.subscriptions,
               write_subscribe);
    write_list(to.initCreated(count_of(message.created)), message.created,
               [](schema::Interest::Builder each, const ObjectsInterest& objects) {
                 write_interest(each, objects);
               });
    write_list(to.initIds(count_of(message.ids)), message.ids, write_id_range);
    to.setConnection(message.connection.value);
    to.setSentUpTo(message.sent_up_to.value);
  }
  void operator()(const RequestIds& message) { out.initRequestIds().setCount(message.count); }
  void operator()(const DefineSchema& message) {
    auto to = out.initDefineSchema();
    to.setRequest(message.request.value);
    write_schema(to.initSchema(), message.schema);
  }
  void operator()(const Subscribe& message) { write_subscribe(out.initSubscribe(), message); }
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
  void operator()(const StatusRequest& message) {
    out.initStatusRequest().setRequest(message.request.value);
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
  read_request(in, context, commit.request);
}

Authenticate read_authenticate(schema::Authenticate::Reader in) {
  return {read_array<TokenId>(in.getToken(), "a token's identifier"),
          read_array<Proof>(in.getProof(), "a proof")};
}

Subscribe read_subscribe(schema::Subscribe::Reader in, ReadContext& context) {
  return {SubscriptionId{in.getSubscription()}, read_interest(in.getInterest(), context),
          in.getLazy() ? Loading::kLazy : Loading::kEager};
}

ObjectsInterest read_created(schema::Interest::Reader in, ReadContext& context) {
  Interest interest = read_interest(in, context);
  auto* objects = std::get_if<ObjectsInterest>(&interest);
  if (objects == nullptr) malformed("objects that a client created, given as something else");
  return std::move(*objects);
}

Resume read_resume(schema::Resume::Reader in, ReadContext& context) {
  Resume resume;
  resume.history = read_random_id<HistoryId>(in.getHistory());
  resume.version = Version{in.getVersion()};
  resume.schemas = context.read_list<std::string>(
      in.getSchemas(), [](capnp::Text::Reader name) { return read_text(name); });
  resume.subscriptions = context.read_list<Subscribe>(
      in.getSubscriptions(),
      [&](schema::Subscribe::Reader each) { return read_subscribe(each, context); });
  resume.created = context.read_list<ObjectsInterest>(
      in.getCreated(), [&](schema::Interest::Reader each) { return read_created(each, context); });
  resume.ids = context.read_list<IdRange>(in.getIds(), read_id_range);
  resume.connection = ObjectId{in.getConnection()};
  resume.sent_up_to = Sequence{in.getSentUpTo()};
  return resume;
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
      out = OpenSession{read_random_id<ClientId>(in.getOpenSession().getClient()),
                        read_text(in.getOpenSession().getName()), in.getOpenSession().getResumes()};
      return;
    case M::RESUME:
      out = read_resume(in.getResume(), context);
      return;
    case M::REQUEST_IDS:
      out = RequestIds{in.getRequestIds().getCount()};
      return;
    case M::DEFINE_SCHEMA: {
      const auto from = in.getDefineSchema();
      out = DefineSchema{RequestId{from.getRequest()}, read_schema(from.getSchema(), context)};
      return;
    }
    case M::SUBSCRIBE:
      out = read_subscribe(in.getSubscribe(), context);
      return;
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
    case M::STATUS_REQUEST:
      out = StatusRequest{RequestId{in.getStatusRequest().getRequest()}};
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
