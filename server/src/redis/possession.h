// Possession: this server's hold on the database in Redis.
#pragma once

#include <chrono>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "durability.h"
#include "keys.h"
#include "link.h"
#include "odb/core/error.h"
#include "odb/server/redis_store.h"

namespace odb::server::redis {

// The conversations that begin a connection, one question after the other. The fence that each
// gives goes with every later write; Redis refuses what carries an older one.
class Possession {
 public:
  Possession(const RedisOptions& options, const Keys& keys, Link& link);

  // Connects, says who we are, loads the scripts. While Redis is still loading its file, waits up
  // to lease_wait when `patient`.
  enum class Patience : std::uint8_t { kNone, kPatient };
  Result<void> connect(Patience patience);

  // Changes nothing: whether what stands under the prefix is a database that this program reads.
  Result<void> check_ours();
  // Takes possession. While another server has it, calls `meanwhile` every now and then, up to
  // lease_wait, a standby without end: kServerAlreadyRunning. What `meanwhile` fails with ends it.
  Result<void> take(const std::function<Result<void>()>& meanwhile = {});
  Result<void> begin(HistoryId history);
  // After a new connection: still the owner?
  struct Resumed {
    bool is_owner = false;
    std::string owner_name;
    std::string history;
    std::optional<Version> version;
  };
  Result<Resumed> resume();
  // Writes down that versions were lost, for the next start.
  Result<void> note_lost();
  Result<void> note_run();                             // that this run of Redis has everything
  enum class End : std::uint8_t { kClean, kUnclean };  // whether nothing is missing
  void release(End end);

  void append_renewal(std::string& out) const;
  void append_ids(std::string& out, ObjectId below) const;
  void append_scripts(std::string& out) const;  // two replies

  const std::string& append_digest() const { return append_digest_; }
  const std::string& fence() const { return fence_; }
  const std::string& run_id() const { return run_id_; }
  const Durability& durability() const { return durability_; }
  // How long one answer may take; at first RedisOptions::store_timeout.
  void set_timeout(milliseconds timeout) { timeout_ = timeout; }
  Result<Reply> ask(std::initializer_list<std::string_view> command);

 private:
  Result<Reply> run(const char* script, std::initializer_list<std::string_view> keys,
                    std::initializer_list<std::string_view> arguments);
  Result<void> authenticate();
  Result<void> wait_until_loaded(Patience patience);
  Result<void> learn_about_redis();
  Result<void> leave_torn_file();
  Result<void> load_scripts();
  Result<bool> is_owner_coming_back();
  Result<void> pause();

  const RedisOptions& options_;
  const Keys& keys_;
  Link& link_;
  const std::string id_;  // of this owner, random
  const std::string lease_ms_;
  milliseconds timeout_;
  std::string fence_;
  std::string append_digest_;
  std::string note_digest_;
  std::string run_id_;
  std::chrono::seconds run_time_{0};  // of Redis, when it was asked
  Clock::time_point connected_at_;
  Durability durability_;
};

}  // namespace odb::server::redis
