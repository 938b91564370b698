// FileStore: a store of one's own, an append-only file. Short rather than quick: it syncs each
// append on the server's thread, keeps every commit for ever, and does them all again at the start.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "odb/server/store.h"
#include "odb/wire/records.h"

namespace odb::example {

class FileStore final : public server::Store {
 public:
  explicit FileStore(std::string path) : path_(std::move(path)) {}
  ~FileStore() override { FileStore::stop(); }

  Result<std::optional<server::StoredDatabase>> load(server::StoreLoader& loader) override {
    file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file_ < 0) return Error{ErrorCode::kBadConfiguration, path_ + ": " + last_error()};
    if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
      stop();
      return Error{ErrorCode::kServerAlreadyRunning, "another server uses " + path_};
    }
    if (auto read = read_all(); !read) return read.error();
    if (history_ == HistoryId{}) return std::optional<server::StoredDatabase>();
    if (auto told = tell(loader); !told) return told.error();
    server::StoredDatabase stored;
    stored.history = history_;
    stored.version = state_->version();
    stored.ids_below = ids_below_;
    state_.reset();
    outcomes_.clear();
    return std::optional(stored);
  }

  Result<void> begin(HistoryId history) override {
    std::string entry;
    put_number(entry, history.high);
    put_number(entry, history.low);
    return write('H', entry);
  }

  void start(server::StoreListener& listener, server::StoreHost&) override {
    listener_ = &listener;
  }

  void append(const server::CommitBatch& batch) override {
    // One entry for each client and one for the commits; without the last, nothing has happened.
    for (const ClientId client : server::touched_clients(batch)) {
      const auto outcomes = batch.outcomes.find(client);
      if (!outcomes) continue;
      std::string entry;
      put_number(entry, client.high);
      put_number(entry, client.low);
      wire::append_outcomes_record(entry, *outcomes);
      put_entry(unwritten_, 'O', entry);
    }
    std::string commits;
    wire::append_log_record(commits, batch.records);
    if (auto written = write('C', commits); !written) {
      return listener_->on_append_failed(batch.records.front()->version, written.error());
    }
    listener_->on_durable(batch.last());
  }

  void reserve_ids(ObjectId below) override {
    std::string entry;
    put_number(entry, below.value);
    if (write('I', entry)) listener_->on_ids_reserved(below);
  }

  void stop() override {
    if (file_ >= 0) ::close(std::exchange(file_, -1));
  }
  std::string name() const override { return "the file " + path_; }

 private:
  static std::string last_error() { return std::generic_category().message(errno); }
  static void put_number(std::string& out, std::uint64_t number) {
    out.append(reinterpret_cast<const char*>(&number), sizeof number);
  }
  static std::uint64_t take_number(std::string_view& in) {
    std::uint64_t number = 0;
    if (in.size() < sizeof number) return 0;
    std::memcpy(&number, in.data(), sizeof number);
    in.remove_prefix(sizeof number);
    return number;
  }
  static void put_entry(std::string& out, char kind, std::string_view entry) {
    put_number(out, entry.size());
    out += kind;
    out += entry;
  }

  // All or nothing: what is written in part is cut off again.
  Result<void> write(char kind, std::string_view entry) {
    std::string bytes = std::exchange(unwritten_, {});
    put_entry(bytes, kind, entry);
    const ::off_t end = ::lseek(file_, 0, SEEK_END);
    const auto wrote = ::write(file_, bytes.data(), bytes.size());
    if (wrote == static_cast<::ssize_t>(bytes.size()) && ::fdatasync(file_) == 0) return {};
    Error error{ErrorCode::kUnavailable, path_ + ": " + last_error()};
    if (::ftruncate(file_, end) != 0) error.message += "; and cannot be cut: " + last_error();
    return error;
  }

  Result<void> read_all() {
    state_ = std::make_unique<VersionedState>();
    std::ifstream in(path_, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    std::string_view left = bytes;
    std::map<ClientId, ClientOutcomes> fresh;  // of the commits that follow
    std::size_t whole = 0;
    while (left.size() > sizeof(std::uint64_t)) {
      const std::uint64_t size = take_number(left);
      if (left.size() < size + 1) break;  // the end of it was never written
      const char kind = left.front();
      std::string_view entry = left.substr(1, size);
      left.remove_prefix(size + 1);
      if (auto done = redo(kind, entry, fresh); !done) return done;
      if (kind != 'O') whole = bytes.size() - left.size();
    }
    if (::ftruncate(file_, static_cast<::off_t>(whole)) != 0) {
      return Error{ErrorCode::kBadConfiguration, path_ + ": " + last_error()};
    }
    return {};
  }

  Result<void> redo(char kind, std::string_view entry, std::map<ClientId, ClientOutcomes>& fresh) {
    if (kind == 'H') {
      history_.high = take_number(entry);
      history_.low = take_number(entry);
    } else if (kind == 'I') {
      ids_below_ = ObjectId{take_number(entry)};
    } else if (kind == 'O') {
      ClientId client;
      client.high = take_number(entry);
      client.low = take_number(entry);
      auto outcomes = wire::decode_outcomes_record(entry);
      if (!outcomes) return damaged(outcomes.error());
      outcomes->client = client;
      fresh[client] = *std::move(outcomes);
    } else {
      auto commits = wire::decode_log_record(entry);
      if (!commits) return damaged(commits.error());
      for (const CommitRecord& commit : *commits) {
        if (!commit.schema) {
          state_->apply(commit.version, commit.changes);
          continue;
        }
        auto merged = state_->catalog()->merged(*commit.schema);
        if (!merged) return damaged(merged.error());
        state_->apply_catalog(commit.version, std::make_shared<const Catalog>(*std::move(merged)));
      }
      for (auto& [client, outcomes] : fresh) outcomes_[client] = std::move(outcomes);
      fresh.clear();
    }
    return {};
  }

  Error damaged(const Error& why) const {
    return {ErrorCode::kBadConfiguration, path_ + " is damaged: " + why.message};
  }

  Result<void> tell(server::StoreLoader& loader) const {
    std::vector<CatalogType> types;
    for (const auto& type : state_->catalog()->types()) types.push_back(*type);
    if (auto taken = loader.on_types(types); !taken) return taken;
    for (const CatalogType& type : types) {
      const ObjectTable* objects = state_->objects(type.id);
      for (auto found = objects->find_from(ObjectId{1}); found.newest != nullptr;
           found = objects->find_from(ObjectId{found.id.value + 1})) {
        if (found.newest->deleted()) continue;
        const auto fields = found.newest->fields();
        auto taken = loader.on_object(type.id, found.id, found.newest->version(),
                                      {fields.begin(), fields.end()});
        if (!taken) return taken;
      }
    }
    for (const auto& [client, outcomes] : outcomes_) {
      if (auto taken = loader.on_outcomes(outcomes); !taken) return taken;
    }
    return {};
  }

  const std::string path_;
  int file_ = -1;
  server::StoreListener* listener_ = nullptr;
  HistoryId history_;
  ObjectId ids_below_{1};
  std::unique_ptr<VersionedState> state_;  // while it loads
  std::map<ClientId, ClientOutcomes> outcomes_;
  std::string unwritten_;
};

}  // namespace odb::example
