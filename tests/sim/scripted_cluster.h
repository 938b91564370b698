// ScriptedCluster: two clients and a server that do what a test says and nothing else. One link of
// one client is cut at a given byte, and the server may go down with it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client_core.h"
#include "odb/net/memory_link.h"
#include "odb/net/message_stream.h"
#include "odb/server/server_core.h"
#include "sim_store.h"

namespace odb::sim {

struct Cut {
  net::MemoryLink::Direction direction{};
  std::uint64_t position = 0;
  std::uint64_t link = 0;  // the how many-th of its client, from 0 on
};

// What becomes of the server when the link is cut.
enum class Downfall : std::uint8_t {
  kNone,
  kAtOnce,           // it dies, and reads nothing more
  kBeforeStoring,    // it still reads what had arrived; nothing of it is in the store
  kBeforeAnswering,  // all of it is
};

class ServerEnd;

// A client that always comes back.
class ScriptedClient {
 public:
  using Time = std::chrono::steady_clock::time_point;

  ScriptedClient(std::string name, std::uint64_t number);
  ~ScriptedClient();
  ScriptedClient(const ScriptedClient&) = delete;
  ScriptedClient& operator=(const ScriptedClient&) = delete;

  detail::ClientCore& core() { return *core_; }
  // Before its first session was open: as a program that connects again.
  bool is_new() const { return core_->history() == HistoryId{}; }
  std::shared_ptr<detail::CommitTicket> commit(
      const std::function<void(detail::TransactionState&)>& body);

  std::vector<std::string> wrong;  // what its handler should not have been told
  // What a handler makes of what it is told: values of objects of the type that it watches.
  std::map<ObjectId, std::int64_t> told;
  TypeId watched;

 private:
  friend class ScriptedCluster;

  void connect(server::ServerCore& server, const std::optional<Cut>& cut, Time now);
  void flush();
  void receive(Time now);
  void note(const Change& change);

  const std::string name_;
  const std::uint64_t number_;
  std::uint64_t connections_ = 0;
  Version last_told_;
  std::unique_ptr<net::MemoryLink> link_;
  std::unique_ptr<ServerEnd> server_end_;
  std::unique_ptr<net::MessageStream> messages_;
  std::unique_ptr<detail::ClientCore> core_;
};

class ScriptedCluster {
 public:
  ScriptedCluster(std::optional<Cut> cut, Downfall downfall,
                  SimStore::Honesty honesty = SimStore::Honesty::kHonest);
  ~ScriptedCluster();

  ScriptedClient& cut() { return cut_client_; }  // the one whose link is cut
  ScriptedClient& other() { return other_; }

  // Goes on until it is so; false when it never is.
  bool until(const std::function<bool()>& is_so);
  bool was_cut() const { return was_cut_; }
  std::uint64_t servers() const { return servers_; }
  SimStore& store() { return store_; }
  // What is appended waits, for store() to be told.
  void stop_storing() { is_storing_ = false; }
  void go_on_storing() { is_storing_ = true; }
  // The server dies, and the next one finds nothing.
  void begin_new_history();
  void turn();

  // Of the link that there is now.
  std::uint64_t bytes(net::MemoryLink::Direction direction) const {
    return cut_client_.link_->bytes_written(direction);
  }

 private:
  void start_server();
  void end_server(std::size_t kept);
  void restart_server(std::size_t kept);
  bool is_due(Downfall downfall);
  void connect(ScriptedClient& client);
  void each(const std::function<void(ScriptedClient&)>& work);

  const std::optional<Cut> plan_;
  Downfall downfall_;
  const net::TokenTable tokens_;
  const CommitEngine engine_;
  const server::AccessPolicy policy_;
  StoreWatch nobody_;
  SimStore store_;
  std::unique_ptr<server::ServerCore> server_;
  ScriptedClient cut_client_;
  ScriptedClient other_;
  ScriptedClient::Time now_{std::chrono::seconds(1)};
  std::uint64_t servers_ = 0;
  bool was_cut_ = false;
  bool is_storing_ = true;
};

}  // namespace odb::sim
