// Readers that pin a version see exactly that version while the writer goes on.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "odb/core/versioned_state.h"
#include "support/changes.h"
#include "support/random_value.h"
#include "support/todo_schema.h"

namespace odb {
namespace {

using test::Changes;
using test::kByStatus;
using test::key;
using test::kPoints;
using test::kStatus;
using test::kTask;
using test::number;

constexpr std::uint64_t kFrom = 1;  // kFrom and kTo: their points sum to kSum
constexpr std::uint64_t kTo = 100'000;
constexpr std::uint64_t kClock = 3;     // its points are the version
constexpr std::uint64_t kGuests = 200;  // come and go with status 1; the clock's status counts them
constexpr std::int64_t kSum = 1000;

// What the writer has published, for readers to pin.
class Published {
 public:
  VersionedState::Pin pin(VersionedState& state) {
    const std::lock_guard lock(mutex_);
    return state.pin(latest_.version());
  }
  void set(VersionedState::Pin pin) {
    const std::lock_guard lock(mutex_);
    latest_ = std::move(pin);
  }

 private:
  std::mutex mutex_;
  VersionedState::Pin latest_;  // guarded by mutex_
};

// Empty when the snapshot is whole, else what is wrong with it.
std::string check_snapshot(const VersionedState& state, Version version) {
  const auto cell = [&](std::uint64_t object, std::uint32_t field) -> std::int64_t {
    const Row* row = state.find(kTask, ObjectId{object}, version);
    return row == nullptr ? -1 : row->fields()[field].as_int();
  };
  const std::string at = " at version " + std::to_string(version.value);
  if (cell(kClock, kPoints) != static_cast<std::int64_t>(version.value)) return "clock" + at;
  if (cell(kFrom, kPoints) + cell(kTo, kPoints) != kSum) return "sum" + at;
  std::int64_t guests = 0;
  const std::string one = key({number(1)});
  std::uint64_t last = 0;
  for (const auto* entry = state.entries(kByStatus)->find(one, ObjectId{}, version);
       entry != nullptr; entry = IndexTable::next(entry, version)) {
    ++guests;
    if (entry->object().value <= last) return "order of the index" + at;
    last = entry->object().value;
    if (cell(last, kStatus) != 1) return "index entry without its object" + at;
  }
  if (guests != -cell(kClock, kStatus)) return "guests in the index" + at;
  std::int64_t walked = 0;
  const ObjectTable& objects = *state.objects(kTask);
  for (auto found = objects.find_from(ObjectId{kTo + 1}); found.newest != nullptr;
       found = objects.find_from(ObjectId{found.id.value + 1})) {
    if (ObjectTable::visible(found.newest, version) != nullptr) ++walked;
  }
  if (walked != guests) return "guests in the table" + at;
  return {};
}

class Writer {
 public:
  explicit Writer(VersionedState& state) : state_(state), present_(kGuests) {
    state.apply_catalog(Version{1}, test::merged({}, test::todo_schema()));
    state.apply(Version{2}, Changes()
                                .create(kTask, kFrom, {{kPoints, number(kSum)}})
                                .create(kTask, kTo)
                                .create(kTask, kClock, {{kPoints, number(2)}}));
  }

  void step(test::Random& random) {
    const Version version = next(state_.version());
    const auto part = static_cast<std::int64_t>(test::below(random, kSum));
    const std::size_t guest = test::below(random, kGuests);
    const std::uint64_t id = kTo + 1 + guest * 64;
    Changes changes;
    changes.update(kTask, kFrom, {{kPoints, number(part)}});
    changes.update(kTask, kTo, {{kPoints, number(kSum - part)}});
    if (present_[guest]) {
      changes.erase(kTask, id);
    } else {
      changes.create(kTask, id, {{kStatus, number(1)}});
    }
    guests_ += present_[guest] ? -1 : 1;
    present_[guest] = !present_[guest];
    changes.update(
        kTask, kClock,
        {{kPoints, number(static_cast<std::int64_t>(version.value))}, {kStatus, number(-guests_)}});
    state_.apply(version, changes);
  }

  // Accepted versions that never become durable.
  void step_in_vain(test::Random& random) {
    const Version version = state_.version();
    const auto present = present_;
    const std::int64_t guests = guests_;
    for (std::size_t i = test::below(random, 4); i > 0; --i) step(random);
    state_.rollback_to(version);
    present_ = present;
    guests_ = guests;
  }

 private:
  VersionedState& state_;
  std::vector<bool> present_;
  std::int64_t guests_ = 0;
};

TEST(VersionedStateThreads, ReadersSeeTheirSnapshotWhileTheWriterAppliesRollsBackAndTrims) {
  const std::uint64_t seed = test::random_seed();
  SCOPED_TRACE("ODB_TEST_SEED=" + std::to_string(seed));
  VersionedState state;
  Writer writer(state);
  Published published;
  published.set(state.pin(state.version()));

  std::atomic<bool> stop = false;
  std::mutex mutex;
  std::string failure;  // guarded by mutex
  std::atomic<int> checks = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!stop.load(std::memory_order_acquire)) {
        const VersionedState::Pin pin = published.pin(state);
        for (int again = 0; again < 3; ++again) {  // and the same later
          if (std::string wrong = check_snapshot(state, pin.version()); !wrong.empty()) {
            const std::lock_guard lock(mutex);
            failure = std::move(wrong);
          }
          checks.fetch_add(1, std::memory_order_relaxed);
        }
      }
    });
  }
  test::Random random(seed);
  for (int i = 0; i < 5000; ++i) {
    writer.step(random);
    published.set(state.pin(state.version()));
    if (i % 3 == 0) writer.step_in_vain(random);
    if (i % 2 == 0) state.trim_to(state.version());
  }
  while (checks.load(std::memory_order_relaxed) < 20) std::this_thread::yield();
  stop.store(true, std::memory_order_release);
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(failure, "");
  published.set({});
  state.trim_to(state.version());
  EXPECT_EQ(state.journal_size(), 0u);
}

}  // namespace
}  // namespace odb
