#include "scripted_cluster.h"

#include <utility>

#include "odb/client/detail/transaction_state.h"
#include "odb/server/database.h"
#include "odb/wire/codec.h"

namespace odb::sim {

namespace {

constexpr int kTurnsMax = 200;
constexpr std::size_t kMessageBytesMax = 64 * 1024;

std::string token_of(const std::string& name) { return "the scripted token of " + name; }

net::TokenTable make_tokens() {
  auto table = net::TokenTable::create({{"ann", token_of("ann")}, {"bob", token_of("bob")}});
  ODB_CHECK(table.has_value());
  return *std::move(table);
}

}  // namespace

// ---- the server's end of a link ----

class ServerEnd final : public server::SessionLink {
 public:
  ServerEnd(server::ServerCore& server, std::unique_ptr<net::ByteStream> end, server::Time now)
      : server_(server),
        messages_(std::move(end), server::kUnauthenticatedMessageBytesMax),
        session_(&server.connect(*this, "scripted", now)) {}
  ~ServerEnd() override { close(); }

  void read(server::Time now) {
    while (session_ != nullptr && !session_->has_ended()) {
      const auto received = messages_.receive();
      if (received.status == net::StreamStatus::kWantsRead) return;
      if (received.status != net::StreamStatus::kOk) return close();
      auto message = wire::decode_client_message(received.payload);
      ODB_CHECK(message.has_value());
      session_->receive(*std::move(message), received.payload.size(), now);
    }
  }
  void flush(server::Time now) {
    if (session_ == nullptr) return;
    if (session_->has_snapshots()) session_->send_snapshots(now);
    static_cast<void>(messages_.flush());
    if (is_ending_) close();
  }
  void abandon() { session_ = nullptr; }

  // SessionLink
  void send(wire::EncodedMessage message) override { messages_.send(std::move(message)); }
  std::size_t queued_bytes() const override { return messages_.queued_bytes(); }
  void drop_queue() override { messages_.drop_queue(); }
  void end() override { is_ending_ = true; }
  void set_message_bytes_max(std::size_t bytes) override { messages_.set_message_bytes_max(bytes); }
  net::ChannelBinding channel_binding() const override {
    return messages_.bytes().channel_binding();
  }

 private:
  void close() {
    if (session_ == nullptr) return;
    server_.disconnect(session_->id());
    session_ = nullptr;
    messages_.bytes().close();
  }

  server::ServerCore& server_;
  mutable net::MessageStream messages_;
  server::Session* session_;
  bool is_ending_ = false;
};

// ---- a client ----

ScriptedClient::ScriptedClient(std::string name, std::uint64_t number)
    : name_(std::move(name)), number_(number) {}
ScriptedClient::~ScriptedClient() = default;

void ScriptedClient::connect(server::ServerCore& server, const std::optional<Cut>& cut, Time now) {
  auto link = std::make_unique<net::MemoryLink>();
  if (cut && connections_ == cut->link) link->break_at(cut->direction, cut->position);
  ++connections_;
  server_end_ = std::make_unique<ServerEnd>(server, link->take_server_end(), now);
  messages_ = std::make_unique<net::MessageStream>(link->take_client_end(), kMessageBytesMax);
  link_ = std::move(link);
  if (core_ != nullptr && core_->is_offline()) {
    return core_->attach(messages_->bytes().channel_binding(), now);
  }
  core_ = std::make_unique<detail::ClientCore>(
      detail::ClientIdentity{{number_, connections_}, token_of(name_), "scripted", name_, true},
      messages_->bytes().channel_binding(), now);
  core_->cache().watch_changes(true);
}

void ScriptedClient::flush() {
  for (auto& message : core_->take_outgoing()) messages_->send(std::move(message));
  static_cast<void>(messages_->flush());
}

void ScriptedClient::receive(Time now) {
  while (!core_->has_ended() && !core_->is_offline()) {
    const auto received = messages_->receive();
    if (received.status == net::StreamStatus::kWantsRead) break;
    if (received.status != net::StreamStatus::kOk) {
      core_->lose_link({ErrorCode::kDisconnected, "the link was cut"});
      static_cast<void>(core_->take_outgoing());
      break;
    }
    auto message = wire::decode_server_message(received.payload);
    ODB_CHECK(message.has_value());
    core_->receive(*std::move(message), now);
    for (const Change& change : core_->cache().take_changes()) note(change);
  }
}

void ScriptedClient::note(const Change& change) {
  const auto version = [&] { return " at version " + std::to_string(change.version.value); };
  const detail::Snapshot& view = change.view.snapshot();
  const auto value_of = [&](ObjectId object) {
    return view.find(watched, object)->fields()[0].as_int();
  };
  if (change.version <= last_told_) wrong.push_back("told again" + version());
  last_told_ = change.version;
  for (const Change::Object& one : change.created) {
    if (one.object.type != watched) continue;
    const bool is_new = told.emplace(one.object.object, value_of(one.object.object)).second;
    if (!is_new) wrong.push_back("created again" + version());
  }
  for (const Change::Object& one : change.changed) {
    if (one.object.type != watched) continue;
    const auto found = told.find(one.object.object);
    const std::int64_t now = value_of(one.object.object);
    if (found == told.end() || found->second == now) {
      wrong.push_back("changed, although it is as it was," + version());
    }
    told[one.object.object] = now;
  }
  for (const Change::Object& one : change.deleted) {
    if (one.object.type != watched) continue;
    if (told.erase(one.object.object) == 0) wrong.push_back("deleted again" + version());
  }
}

std::shared_ptr<detail::CommitTicket> ScriptedClient::commit(
    const std::function<void(detail::TransactionState&)>& body) {
  detail::TransactionState transaction(core_->cache().snapshot());
  body(transaction);
  return core_->commit(transaction.take_request(), core_->history(), nullptr);
}

// ---- all together ----

ScriptedCluster::ScriptedCluster(std::optional<Cut> cut, Downfall downfall,
                                 SimStore::Honesty honesty)
    : plan_(cut),
      downfall_(downfall),
      tokens_(make_tokens()),
      store_(nobody_, honesty),
      cut_client_("ann", 1),
      other_("bob", 2) {
  start_server();
  each([&](ScriptedClient& client) { connect(client); });
}

ScriptedCluster::~ScriptedCluster() {
  each([](ScriptedClient& client) { client.server_end_.reset(); });
}

void ScriptedCluster::each(const std::function<void(ScriptedClient&)>& work) {
  work(cut_client_);
  work(other_);
}

void ScriptedCluster::connect(ScriptedClient& client) {
  client.connect(*server_, &client == &cut_client_ ? plan_ : std::nullopt, now_);
}

void ScriptedCluster::start_server() {
  ++servers_;
  // As a server does that finds nothing: apart from where the last one began.
  const ObjectId apart{servers_ << 32};
  auto database = server::open_database(store_, HistoryId{1, servers_}, server::Limits());
  ODB_CHECK(database.has_value());
  if ((*database)->ids_below == ObjectId{1}) (*database)->ids_below = apart;
  server_ = std::make_unique<server::ServerCore>(
      server::CoreParts{.tokens = tokens_, .store = store_, .engine = engine_, .policy = policy_},
      *std::move(database));
}

void ScriptedCluster::end_server(std::size_t kept) {
  downfall_ = Downfall::kNone;
  each([](ScriptedClient& client) {
    client.link_->break_link();
    client.server_end_->abandon();
    client.server_end_.reset();
  });
  server_.reset();
  store_.end_server(kept);
}

void ScriptedCluster::restart_server(std::size_t kept) {
  end_server(kept);
  start_server();
}

void ScriptedCluster::begin_new_history() {
  end_server(0);
  store_.forget_all();
  start_server();
}

bool ScriptedCluster::is_due(Downfall downfall) {
  const bool is_planned = plan_ && cut_client_.connections_ == plan_->link + 1;
  if (is_planned && cut_client_.link_->is_broken()) was_cut_ = true;
  return was_cut_ && downfall_ == downfall;
}

void ScriptedCluster::turn() {
  now_ += std::chrono::milliseconds(1);
  each([](ScriptedClient& client) { client.flush(); });
  if (is_due(Downfall::kAtOnce)) restart_server(0);
  each([&](ScriptedClient& client) {
    if (client.server_end_ != nullptr) client.server_end_->read(now_);
  });
  server_->finish_batch();
  if (is_due(Downfall::kBeforeStoring)) restart_server(0);
  if (is_due(Downfall::kBeforeAnswering)) restart_server(store_.waiting());
  store_.complete_reservation();
  if (is_storing_) store_.complete(store_.waiting());
  each([&](ScriptedClient& client) {
    if (client.server_end_ != nullptr) client.server_end_->flush(now_);
  });
  if (is_due(Downfall::kAtOnce)) restart_server(0);
  each([&](ScriptedClient& client) {
    client.receive(now_);
    const bool has_failed = client.core().has_ended() && client.is_new();
    if (client.core().is_offline() || has_failed) connect(client);
  });
  server_->tick(now_);
}

bool ScriptedCluster::until(const std::function<bool()>& is_so) {
  for (int i = 0; i < kTurnsMax; ++i) {
    if (is_so()) return true;
    turn();
  }
  return false;
}

}  // namespace odb::sim
