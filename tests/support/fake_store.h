// A store that is durable when it is told to, or fails: for the pipeline's tests and the simulator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "odb/server/store.h"

namespace odb::test {

class FakeStore final : public server::Store {
 public:
  enum class Completion : std::uint8_t {
    kAtOnce,    // from within append() and reserve_ids()
    kWhenTold,  // by complete() and complete_ids()
  };

  explicit FakeStore(Completion completion) : completion_(completion) {}

  void set_completion(Completion completion) { completion_ = completion; }

  // Appends of this version and later ones fail at once, from within append(), until recover().
  void fail_from(Version version) { failing_from_ = version; }
  void recover() { failing_from_.reset(); }

  // Makes the oldest `count` appended versions durable, all at once; fewer when there are not as
  // many.
  void complete(std::size_t count) {
    if (count > appended_.size()) count = appended_.size();
    if (count == 0) return;
    const auto end = appended_.begin() + static_cast<std::ptrdiff_t>(count);
    for (auto at = appended_.begin(); at != end; ++at) durable_.push_back(std::move(*at));
    appended_.erase(appended_.begin(), end);
    listener_->on_durable(durable_.back().version);
  }
  void complete_all() { complete(appended_.size()); }

  // Loses this version and all later ones that are not durable yet, and says so.
  void lose_from(Version version) {
    std::erase_if(appended_,
                  [&](const server::CommitRecord& record) { return record.version >= version; });
    listener_->on_append_failed(version, {ErrorCode::kUnavailable, "disk full"});
  }

  void complete_ids() {
    if (ids_asked_below_) listener_->on_ids_reserved(*std::exchange(ids_asked_below_, {}));
  }

  const std::vector<server::CommitRecord>& durable() const { return durable_; }
  const std::vector<server::CommitRecord>& appended() const {
    return appended_;
  }                                                                     // not durable yet
  const std::vector<std::size_t>& batches() const { return batches_; }  // sizes of all appends
  std::optional<ObjectId> ids_asked_below() const { return ids_asked_below_; }

  // Store
  void start(server::StoreListener& listener) override { listener_ = &listener; }
  void append(std::span<const server::CommitRecord* const> batch) override {
    batches_.push_back(batch.size());
    for (const server::CommitRecord* record : batch) appended_.push_back(*record);
    if (failing_from_ && appended_.back().version >= *failing_from_) {
      return lose_from(std::max(*failing_from_, appended_.front().version));
    }
    if (completion_ == Completion::kAtOnce) complete_all();
  }
  void reserve_ids(ObjectId below) override {
    ids_asked_below_ = below;
    if (completion_ == Completion::kAtOnce) complete_ids();
  }
  std::string name() const override { return "fake"; }

 private:
  Completion completion_;
  server::StoreListener* listener_ = nullptr;
  std::vector<server::CommitRecord> appended_;
  std::vector<server::CommitRecord> durable_;
  std::vector<std::size_t> batches_;
  std::optional<Version> failing_from_;
  std::optional<ObjectId> ids_asked_below_;
};

}  // namespace odb::test
