#include "possession.h"

#include <spdlog/spdlog.h>

#include <optional>
#include <utility>

#include "filling.h"
#include "odb/net/random.h"
#include "process.h"
#include "scripts.h"

namespace odb::server::redis {

namespace {

constexpr milliseconds kPause{100};

Error bad(std::string what) { return {ErrorCode::kBadConfiguration, std::move(what)}; }

std::string field(const Reply& pairs, std::string_view name) {
  for (std::size_t i = 0; i + 1 < pairs.elements.size(); i += 2) {
    if (pairs.elements[i].text == name) return pairs.elements[i + 1].text;
  }
  return {};
}

}  // namespace

Possession::Possession(const RedisOptions& options, const Keys& keys, Link& link)
    : options_(options),
      keys_(keys),
      link_(link),
      id_(to_text(net::make_history_id())),
      lease_ms_(std::to_string(options.lease_time.count())),
      timeout_(options.store_timeout) {}

Result<Reply> Possession::ask(std::initializer_list<std::string_view> command) {
  return call(link_, command, timeout_);
}

Result<Reply> Possession::run(const char* script, std::initializer_list<std::string_view> keys,
                              std::initializer_list<std::string_view> arguments) {
  Arguments command;
  command.add("EVAL");
  command.add(std::string_view(script));
  command.add(keys.size());
  for (const std::string_view key : keys) command.add(key);
  for (const std::string_view argument : arguments) command.add(argument);
  auto reply = call(link_, command, timeout_);
  if (reply && reply->is_error()) {
    return Error{ErrorCode::kUnavailable, "Redis answers: " + describe(*reply)};
  }
  return reply;
}

// ---- connecting ----

Result<void> Possession::connect(Patience patience) {
  const std::string where = "Redis at " + options_.address.to_string();
  if (auto connected = link_.connect(options_.address, timeout_); !connected) {
    return Error{ErrorCode::kConnectFailed,
                 "cannot connect to " + where + ": " + connected.error().message};
  }
  for (const auto step : {&Possession::authenticate, &Possession::learn_about_redis,
                          &Possession::leave_torn_file, &Possession::load_scripts}) {
    if (step == &Possession::learn_about_redis) {
      if (auto loaded = wait_until_loaded(patience); !loaded) return loaded;
    }
    if (auto done = (this->*step)(); !done) {
      return Error{done.error().code, where + ": " + done.error().message};
    }
  }
  return {};
}

Result<void> Possession::authenticate() {
  if (!options_.password.empty()) {
    auto reply = options_.user.empty() ? ask({"AUTH", options_.password})
                                       : ask({"AUTH", options_.user, options_.password});
    if (!reply) return reply.error();
    if (reply->is_error()) {
      const std::string code(reply->error_code());
      return Error{ErrorCode::kAuthenticationFailed,
                   "it does not accept this user and password (" + code + ")"};
    }
  }
  if (options_.database == 0) return {};
  auto reply = ask({"SELECT", std::to_string(options_.database)});
  if (!reply) return reply.error();
  if (reply->is_error()) {
    return bad("database " + std::to_string(options_.database) + ": " + describe(*reply));
  }
  return {};
}

Result<void> Possession::wait_until_loaded(Patience patience) {
  const auto deadline = Clock::now() + options_.lease_wait;
  bool is_first = true;
  for (;;) {
    auto reply = ask({"PING"});
    if (!reply) return reply.error();
    if (!reply->is_error()) return {};
    const std::string code(reply->error_code());
    if (code == "NOAUTH") {
      return Error{ErrorCode::kAuthenticationFailed, "Redis wants a password and none was given"};
    }
    if (code != "LOADING" || patience == Patience::kNone || Clock::now() > deadline) {
      return Error{ErrorCode::kUnavailable, "Redis answers: " + describe(*reply)};
    }
    if (std::exchange(is_first, false)) spdlog::info("waiting until Redis has loaded its file");
    if (auto paused = pause(); !paused) return paused;
  }
}

Result<void> Possession::learn_about_redis() {
  auto info = ask({"INFO", "server"});
  if (!info) return info.error();
  connected_at_ = Clock::now();
  run_id_.clear();
  run_time_ = {};
  if (info->kind == Reply::Kind::kText) {
    run_id_ = info_field(info->text, "run_id");
    const auto seconds = parse_number(info_field(info->text, "uptime_in_seconds"));
    if (seconds) run_time_ = std::chrono::seconds{*seconds};
  }
  durability_ = {};
  for (const auto& [name, value] :
       {std::pair{"appendonly", &durability_.appendonly},
        std::pair{"appendfsync", &durability_.appendfsync}, std::pair{"save", &durability_.save},
        std::pair{"maxmemory-policy", &durability_.maxmemory_policy}}) {
    auto reply = ask({"CONFIG", "GET", name});
    if (!reply) return reply.error();
    durability_.is_known = reply->kind == Reply::Kind::kArray;
    if (!durability_.is_known) break;
    *value = field(*reply, name);
  }
  return {};
}

// A Redis that was killed while it wrote what a script had done leaves the beginning of that in its
// file, between MULTI and a torn command. At its next start Redis cuts off the torn command only,
// and whatever comes next into the same file, with an EXEC of its own, makes that beginning take
// effect at the start after: half of an append that has failed. So nothing is written until Redis
// has begun a new file, which it has when it answers that the rewriting has started; it need not
// have ended.
Result<void> Possession::leave_torn_file() {
  auto known = ask({"HGET", keys_.meta, "run_id"});
  if (!known) return known.error();
  const bool is_new_run = known->kind == Reply::Kind::kText && known->text != run_id_;
  if (!is_new_run) return {};
  const auto deadline = Clock::now() + timeout_;
  for (bool is_first = true;; is_first = false) {
    auto info = ask({"INFO", "persistence"});
    if (!info) return info.error();
    if (info_field(info->text, "aof_enabled") != "1") return {};
    if (info_field(info->text, "aof_rewrite_in_progress") == "1") return {};
    const bool is_scheduled = info_field(info->text, "aof_rewrite_scheduled") == "1";
    if (!is_first && !is_scheduled) return {};  // it was quick
    if (!is_scheduled) {
      auto reply = ask({"BGREWRITEAOF"});
      if (!reply) return reply.error();
      if (reply->is_error()) {
        spdlog::warn("Redis has been restarted and cannot begin a new append-only file: {}",
                     describe(*reply));
        return {};
      }
    }
    if (Clock::now() > deadline) {
      return Error{ErrorCode::kUnavailable, "it does not get to beginning a new append-only file"};
    }
    if (is_first) continue;
    if (auto paused = pause(); !paused) return paused;
  }
}

void Possession::append_scripts(std::string& out) const {
  append_command(out, {"SCRIPT", "LOAD", kAppend});
  append_command(out, {"SCRIPT", "LOAD", kNote});
}

Result<void> Possession::load_scripts() {
  append_scripts(link_.output());
  for (std::string* digest : {&append_digest_, &note_digest_}) {
    auto reply = receive(link_, Clock::now() + timeout_);
    if (!reply) return reply.error();
    if (reply->kind != Reply::Kind::kText) {
      return bad("it does not take scripts: " + describe(*reply));
    }
    *digest = reply->text;
  }
  return {};
}

// ---- possession ----

Result<void> Possession::check_ours() {
  auto meta = ask({"HGETALL", keys_.meta});
  if (!meta) return meta.error();
  if (meta->is_error()) {
    return bad("the key " + keys_.meta + " is not an odb database's: " + describe(*meta));
  }
  if (!meta->elements.empty()) {
    const std::string format = field(*meta, "format");
    if (format == kFormat) return {};
    return bad(format.starts_with("odb ")
                   ? "the database under " + keys_.meta + " has format " + format.substr(0, 20) +
                         ", this program reads " + kFormat
                   : "the key " + keys_.meta + " is not an odb database's: it names no format");
  }
  std::string cursor = "0";
  do {
    auto page = ask({"SCAN", cursor, "MATCH", keys_.pattern(), "COUNT", "1000"});
    if (!page) return page.error();
    if (page->elements.size() != 2) return bad("cannot list keys: " + describe(*page));
    for (const Reply& key : page->elements[1].elements) {
      return bad("there are keys under the prefix that are not odb's, for example " +
                 key.text.substr(0, 80) + ": choose another --redis-prefix");
    }
    cursor = page->elements[0].text;
  } while (cursor != "0");
  return {};
}

Result<void> Possession::pause() {
  link_.wait({}, kPause);
  if (!link_.is_interrupted()) return {};
  return Error{ErrorCode::kShuttingDown, "the server stops waiting for Redis"};
}

// Redis has been restarted just now, and its lease may have run out meanwhile: whoever owned the
// database gets the time of one lease to come back first. Other takings would only be in vain.
Result<bool> Possession::is_owner_coming_back() {
  const auto run_time = run_time_ + (Clock::now() - connected_at_);
  if (!options_.is_standby || run_time >= options_.lease_time + std::chrono::seconds{1}) {
    return false;
  }
  auto lease = ask({"EXISTS", keys_.lease});
  if (!lease) return lease.error();
  if (lease->integer == 1) return false;  // it is there
  auto meta = ask({"HMGET", keys_.meta, "owner_process", "version", "clean"});
  if (!meta) return meta.error();
  if (meta->elements.size() != 3) return bad("Redis answers with " + describe(*meta));
  const std::string& process = meta->elements[0].text;
  const bool is_clean = meta->elements[1].text == meta->elements[2].text;
  return !process.empty() && !is_clean && !is_dead(process);
}

Result<void> Possession::take(const std::function<Result<void>()>& meanwhile) {
  const auto deadline = Clock::now() + options_.lease_wait;
  std::string dead;
  bool is_first = true;
  for (;;) {
    auto is_coming_back = is_owner_coming_back();
    if (!is_coming_back) return is_coming_back.error();
    if (*is_coming_back) {
      if (auto paused = pause(); !paused) return paused;
      continue;
    }
    auto reply = run(kTake, {keys_.meta, keys_.lease},
                     {id_, process_name(), process_mark(), lease_ms_, dead, kFormat});
    if (!reply) return reply.error();
    if (reply->elements.size() == 2 && reply->elements[0].integer == 1) {
      fence_ = reply->elements[1].text;
      return {};
    }
    if (reply->elements.size() != 5) return bad("Redis answers with " + describe(*reply));
    const std::string& owner = reply->elements[2].text;
    if (is_dead(reply->elements[3].text) && dead.empty()) {
      // It cannot write any more, whatever it had sent: the fence moves on.
      dead = reply->elements[1].text;
      continue;
    }
    if (Clock::now() >= deadline && !options_.is_standby) {
      return Error{ErrorCode::kServerAlreadyRunning, "another server owns this database: " + owner};
    }
    if (std::exchange(is_first, false)) {
      spdlog::info("waiting for the server that owns this database: {}", owner);
    }
    if (meanwhile) {
      if (auto done = meanwhile(); !done) return done;
    }
    if (auto paused = pause(); !paused) return paused;
  }
}

Result<void> Possession::begin(HistoryId history) {
  auto reply = run(kBegin, {keys_.meta},
                   {fence_, to_text(history), run_id_,
                    options_.filling ? to_text(*options_.filling) : std::string()});
  if (!reply) return reply.error();
  return {};
}

Result<Possession::Resumed> Possession::resume() {
  auto reply = run(kResume, {keys_.meta, keys_.lease}, {id_, lease_ms_});
  if (!reply) return reply.error();
  if (reply->elements.size() < 2) return bad("Redis answers with " + describe(*reply));
  Resumed resumed;
  resumed.is_owner = reply->elements[0].integer == 1 && reply->elements.size() == 4;
  if (!resumed.is_owner) {
    resumed.owner_name = reply->elements[1].text;
    return resumed;
  }
  fence_ = reply->elements[1].text;
  resumed.history = reply->elements[2].text;
  if (const auto number = parse_number(reply->elements[3].text)) resumed.version = Version{*number};
  return resumed;
}

Result<void> Possession::note_lost() {
  auto reply = run(kNote, {keys_.meta}, {fence_, "lost", "1"});
  if (!reply) return reply.error();
  return {};
}

Result<void> Possession::note_run() {
  auto reply = run(kNote, {keys_.meta}, {fence_, "run_id", run_id_});
  if (!reply) return reply.error();
  return {};
}

void Possession::release(End end) {
  if (!link_.is_open() || fence_.empty()) return;
  link_.set_patient();
  constexpr milliseconds kPatience{1000};
  Arguments command;
  for (const std::string_view part :
       std::initializer_list<std::string_view>{"EVAL", kRelease, "2", keys_.meta, keys_.lease,
                                               fence_, end == End::kClean ? "clean" : ""}) {
    command.add(part);
  }
  if (auto reply = call(link_, command, kPatience); !reply) {
    spdlog::warn("could not give up the database in Redis: {}", reply.error().message);
  }
}

void Possession::append_renewal(std::string& out) const {
  append_command(out, {"EVAL", kRenew, "2", keys_.meta, keys_.lease, fence_, id_, lease_ms_});
}

void Possession::append_ids(std::string& out, ObjectId below) const {
  append_command(out, {"EVALSHA", note_digest_, "1", keys_.meta, fence_, "ids_below",
                       std::to_string(below.value)});
}

}  // namespace odb::server::redis
