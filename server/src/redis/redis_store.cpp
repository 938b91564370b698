#include "odb/server/redis_store.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "following.h"
#include "loading.h"
#include "store_news.h"
#include "worker.h"

namespace odb::server {

namespace {

using namespace redis;

// A standby that is to end, or to try again, should not wait for long.
constexpr milliseconds kStandbyTimeout{2'000};

class RedisStore final : public Store {
 public:
  explicit RedisStore(RedisOptions options)
      : options_(std::move(options)),
        keys_(options_.prefix),
        link_(make_link()),
        possession_(options_, keys_, *link_) {}
  ~RedisStore() override { RedisStore::stop(); }

  Result<std::optional<StoredDatabase>> load(StoreLoader& loader) override {
    if (options_.is_standby) {
      possession_.set_timeout(std::min(options_.store_timeout, kStandbyTimeout));
    }
    if (auto connected = possession_.connect(Possession::Patience::kPatient); !connected) {
      return connected.error();
    }
    spdlog::info("Redis at {}: {}", options_.address.to_string(),
                 describe(possession_.durability()));
    for (const std::string& line : warnings(possession_.durability())) spdlog::warn("{}", line);
    if (!options_.address.is_private()) {
      spdlog::warn(
          "what travels to Redis at {} is not encrypted: put it on this machine, or use a "
          "TLS tunnel (stunnel) or a private network",
          options_.address.to_string());
    }
    if (auto ours = possession_.check_ours(); !ours) return ours.error();
    Following following(possession_, keys_, *link_, options_, loader);
    if (auto taken = possession_.take([&]() -> Result<void> {
          return options_.is_standby ? following.step() : Result<void>();
        });
        !taken) {
      return taken.error();
    }
    auto stored = following.finish();
    if (stored && !stored->has_value()) {
      stored = load_database(possession_, keys_, *link_, options_, loader);
    }
    if (stored && stored->has_value()) {
      version_ = (*stored)->version;
      if ((*stored)->may_have_lost) {
        spdlog::warn("Redis may have lost acknowledged commits: a new history begins at version {}",
                     version_.value);
      }
    }
    return stored;
  }

  Result<void> begin(HistoryId history) override {
    history_ = history;
    return possession_.begin(history);
  }

  void start(StoreListener& listener, StoreHost& host) override {
    listener_ = &listener;
    teller_.start(listener);
    host_ = &host;
    worker_ = std::make_unique<Worker>(
        options_, keys_, *link_, possession_, history_, version_,
        host.can_watch() ? Worker::Watching::kYes : Worker::Watching::kNo, [this] {
          host_->post([this] {
            if (is_stopped_) return;
            take_news();
            watch();
          });
        });
  }

  void append(const CommitBatch& batch) override {
    if (teller_.refusal()) {
      return listener_->on_append_failed(batch.records.front()->version, *teller_.refusal());
    }
    const auto log = options_.filling ? Batch::Log::kNone : Batch::Log::kKept;
    worker_->append(Batch(batch, keys_, log), teller_.generation());
  }

  void reserve_ids(ObjectId below) override { worker_->reserve(below); }
  bool is_surely_owned() const override { return worker_->is_surely_owned(); }
  void cancel_load() override { link_->interrupt(); }

  void stop() override {
    is_stopped_ = true;
    if (worker_ != nullptr) {
      worker_.reset();
    } else {
      possession_.release(Possession::End::kUnclean);  // nothing was written
      link_->close();
    }
  }

  std::string name() const override { return "Redis at " + options_.address.to_string(); }

 private:
  void watch() {
    const auto watch = worker_->take_watch();
    if (!watch) return;
    host_->watch(watch->descriptor, [this, link = watch->link] {
      if (is_stopped_) return false;
      const bool goes_on = worker_->on_readable(link);
      take_news();
      return goes_on;
    });
  }

  void take_news() {
    for (const News& item : worker_->take_news()) teller_.tell(item);
  }

  const RedisOptions options_;
  const Keys keys_;
  const std::unique_ptr<Link> link_;
  Possession possession_;
  HistoryId history_;
  Version version_;
  StoreListener* listener_ = nullptr;
  StoreHost* host_ = nullptr;
  NewsTeller teller_;
  bool is_stopped_ = false;
  std::unique_ptr<Worker> worker_;
};

}  // namespace

std::unique_ptr<Store> make_redis_store(RedisOptions options) {
  return std::make_unique<RedisStore>(std::move(options));
}

}  // namespace odb::server
