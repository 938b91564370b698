// The engine against a model that keeps the whole history of every object, key and type.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "odb/core/commit_engine.h"
#include "support/changes.h"
#include "support/random_value.h"
#include "support/todo_schema.h"

namespace odb {
namespace {

using test::below;
using test::kByStatus;
using test::kPoints;
using test::kStatus;
using test::kTask;
using test::kTitle;
using test::number;

constexpr std::uint64_t kObjects = 6;

// What happened to one object in one version.
struct Event {
  std::uint64_t version = 0;
  ObjectChange::Kind kind = ObjectChange::Kind::kCreate;
  std::set<std::uint32_t> wrote;
};

class History {
 public:
  // Newest last; nothing is ever forgotten.
  std::map<std::uint64_t, std::vector<Event>> events;
  std::map<std::int64_t, std::uint64_t> status_modified;
  std::uint64_t membership_modified = 0;
  std::map<std::uint64_t, std::map<std::uint32_t, Value>> living;

  void apply(std::uint64_t version, const Changeset& changes) {
    for (const ObjectChange& change : changes.objects) {
      const std::uint64_t id = change.object.value;
      const auto before = status_of(id);
      Event event{version, change.kind, {}};
      if (change.kind == ObjectChange::Kind::kDelete) {
        living.erase(id);
      } else {
        if (change.kind == ObjectChange::Kind::kCreate) {
          living[id] = {{kTitle, Value::text("")}, {kStatus, number(0)}, {kPoints, number(0)}};
        }
        for (const CellOperation& cell : changes.cells_of(change)) {
          living[id][cell.field.value] = cell.value;
          event.wrote.insert(cell.field.value);
        }
      }
      if (change.kind != ObjectChange::Kind::kUpdate) membership_modified = version;
      const auto after = status_of(id);
      if (before != after) {
        if (before) status_modified[*before] = version;
        if (after) status_modified[*after] = version;
      }
      events[id].push_back(std::move(event));
    }
  }
  std::optional<std::int64_t> status_of(std::uint64_t id) const {
    const auto found = living.find(id);
    if (found == living.end()) return std::nullopt;
    return found->second.at(kStatus).as_int();
  }
};

// What a read of an object must be told: the conflicting version, nothing, or "too old".
struct Verdict {
  bool too_old = false;
  std::uint64_t won = 0;  // 0: unchanged
};

class Judge {
 public:
  Judge(const History& history, std::uint64_t snapshot, std::uint64_t horizon)
      : history_(history), snapshot_(snapshot), horizon_(horizon) {}

  template <class Relevant>
  Verdict object(std::uint64_t id, const Relevant& relevant) const {
    static const std::vector<Event> kNone;
    const auto found = history_.events.find(id);
    const std::vector<Event>& events = found == history_.events.end() ? kNone : found->second;
    const bool alive = history_.living.contains(id);
    std::uint64_t won = 0;
    std::uint64_t last_trimmed = 0;  // last modification that the horizon has reached
    for (const Event& event : events) {
      if (event.version > snapshot_ && relevant(event)) won = event.version;
      if (event.version <= horizon_) last_trimmed = event.version;
    }
    // The row of the last modification before the horizon is kept, unless it is a deletion.
    const bool last_is_kept = alive || (!events.empty() && events.back().version > horizon_);
    if (won > horizon_ || (won != 0 && won == last_trimmed && last_is_kept)) return {false, won};
    const bool sees_all = snapshot_ >= horizon_;
    if (sees_all) return {false, won};
    if (!last_is_kept) return {true, 0};
    return {last_trimmed > snapshot_, 0};
  }
  Verdict cell(const CellRead& read) const {
    return object(read.object.value, [&](const Event& event) {
      return event.kind != ObjectChange::Kind::kUpdate || event.wrote.contains(read.field.value);
    });
  }
  Verdict existence(const ExistenceRead& read) const {
    return object(read.object.value,
                  [](const Event& event) { return event.kind != ObjectChange::Kind::kUpdate; });
  }
  Verdict status(std::int64_t value) const {
    const auto found = history_.status_modified.find(value);
    const std::uint64_t modified = found == history_.status_modified.end() ? 0 : found->second;
    if (modified > snapshot_ && modified > horizon_) return {false, modified};
    return {snapshot_ < horizon_, 0};
  }
  Verdict membership() const {
    return {false, history_.membership_modified > snapshot_ ? history_.membership_modified : 0};
  }

 private:
  const History& history_;
  const std::uint64_t snapshot_;
  const std::uint64_t horizon_;
};

class RandomCommits {
 public:
  explicit RandomCommits(std::uint64_t seed) : random_(seed) {
    state_.apply_catalog(Version{1}, test::merged({}, test::todo_schema()));
  }

  void step() {
    const std::uint64_t newest = state_.version().value;
    CommitRequest request;
    request.snapshot = Version{newest - below(random_, std::min<std::uint64_t>(newest, 12))};
    random_writes(request.writes);
    random_reads(request.reads);
    const Judgement expected = expected_judgement(request);
    const Judgement found = engine_.judge(request, state_);
    ASSERT_EQ(found.index(), expected.index()) << describe(found) << " for " << describe(expected);
    if (const auto* error = std::get_if<Error>(&expected)) {
      ASSERT_EQ(std::get<Error>(found).code, error->code);
    } else {
      ASSERT_EQ(found, expected) << describe(found) << " for " << describe(expected);
    }
    ++counts_[found.index() == 2 ? 2 + static_cast<std::size_t>(std::get<Error>(found).code) % 2
                                 : found.index()];
    if (std::holds_alternative<Acceptable>(found)) {
      state_.apply(Version{newest + 1}, request.writes);
      history_.apply(newest + 1, request.writes);
    }
    if (below(random_, 6) == 0)
      state_.trim_to(Version{newest - below(random_, std::min<std::uint64_t>(newest, 8))});
  }
  // Acceptable, conflicts, and errors by the parity of their codes (402 too old, 401 and 403 ...).
  const std::map<std::size_t, int>& counts() const { return counts_; }

 private:
  static std::string describe(const Judgement& judgement) {
    if (const auto* error = std::get_if<Error>(&judgement)) return error->message;
    if (const auto* conflict = std::get_if<Conflict>(&judgement)) {
      return "conflict of kind " + std::to_string(conflict->key.index()) + " won by " +
             std::to_string(conflict->won.value) + " over " + std::to_string(conflict->read.value);
    }
    return "acceptable";
  }
  std::uint64_t random_object() { return 1 + below(random_, kObjects) + created_; }

  // Identities are never used again: the window of those in use moves on.
  void random_writes(Changeset& writes) {
    if (below(random_, 40) == 0) created_ += 2;
    std::set<std::uint64_t> objects;
    for (std::size_t i = below(random_, 4); i > 0; --i) objects.insert(random_object());
    for (const std::uint64_t id : objects) {
      const bool fresh = !history_.events.contains(id);
      const bool erases = !fresh && below(random_, 8) == 0;
      writes.begin(fresh    ? ObjectChange::Kind::kCreate
                   : erases ? ObjectChange::Kind::kDelete
                            : ObjectChange::Kind::kUpdate,
                   kTask, ObjectId{id});
      if (erases) continue;
      if (fresh || below(random_, 3) == 0) {
        writes.add_cell(
            {.field = FieldId{kTitle}, .value = Value::text(std::to_string(below(random_, 12)))});
      }
      if (below(random_, 2) == 0) {
        writes.add_cell({.field = FieldId{kStatus}, .value = number(random_status())});
      }
      if (below(random_, 2) == 0) {
        writes.add_cell({.field = FieldId{kPoints}, .value = number(random_status())});
      }
    }
  }
  std::int64_t random_status() { return static_cast<std::int64_t>(below(random_, 3)); }

  void random_reads(ReadSet& reads) {
    for (std::size_t i = below(random_, 3); i > 0; --i) {
      switch (below(random_, 8)) {
        case 0:
        case 1:
        case 2:
          reads.cells.push_back({kTask, FieldId{static_cast<std::uint32_t>(below(random_, 3))},
                                 ObjectId{random_object()}});
          break;
        case 3:
        case 4:
          reads.existences.push_back({kTask, ObjectId{random_object()}});
          break;
        case 5:
        case 6:
          reads.indexes.push_back({kByStatus, test::key({number(random_status())})});
          break;
        default:
          reads.memberships.push_back({kTask});
      }
    }
  }

  Judgement expected_judgement(const CommitRequest& request) const {
    const Judge judge(history_, request.snapshot.value, state_.horizon().value);
    const auto refusal = [&](const Verdict& verdict, ConflictKey key) -> std::optional<Judgement> {
      if (verdict.too_old) return Error{ErrorCode::kTooOld, "too old"};
      if (verdict.won == 0) return std::nullopt;
      return Conflict{std::move(key), request.snapshot, Version{verdict.won}, ""};
    };
    for (const CellRead& read : request.reads.cells) {
      if (auto refused = refusal(judge.cell(read), read)) return *refused;
    }
    for (const ExistenceRead& read : request.reads.existences) {
      if (auto refused = refusal(judge.existence(read), read)) return *refused;
    }
    for (const IndexRead& read : request.reads.indexes) {
      std::int64_t value = 0;
      while (test::key({number(value)}) != read.key) ++value;
      if (auto refused = refusal(judge.status(value), read)) return *refused;
    }
    for (const MembershipRead& read : request.reads.memberships) {
      if (auto refused = refusal(judge.membership(), read)) return *refused;
    }
    for (const ObjectChange& change : request.writes.objects) {
      if (change.kind == ObjectChange::Kind::kCreate) continue;
      if (history_.living.contains(change.object.value)) continue;
      const std::uint64_t deleted = history_.events.at(change.object.value).back().version;
      return Conflict{ExistenceRead{kTask, change.object}, request.snapshot,
                      Version{deleted > state_.horizon().value ? deleted : 0}, ""};
    }
    History after = history_;
    after.apply(state_.version().value + 1, request.writes);
    std::set<Value> titles;
    for (const auto& [id, fields] : after.living) {
      if (!titles.insert(fields.at(kTitle)).second) {
        return Error{ErrorCode::kUniqueViolation, "not unique"};
      }
    }
    return Acceptable{};
  }

  test::Random random_;
  VersionedState state_;
  History history_;
  CommitEngine engine_;
  std::uint64_t created_ = 0;
  std::map<std::size_t, int> counts_;
};

TEST(CommitEngine, AgreesWithTheWholeHistoryOnRandomTransactions) {
  const std::uint64_t seed = test::random_seed();
  std::map<std::size_t, int> counts;
  for (std::uint64_t round = 0; round < 40; ++round) {
    SCOPED_TRACE("ODB_TEST_SEED=" + std::to_string(seed + round));
    RandomCommits commits(seed + round);
    for (int step = 0; step < 400; ++step) {
      ASSERT_NO_FATAL_FAILURE(commits.step()) << "step " << step;
    }
    for (const auto& [kind, count] : commits.counts()) counts[kind] += count;
  }
  // The programs reach every kind of judgement often.
  for (const std::size_t kind : {0u, 1u, 2u, 3u}) EXPECT_GT(counts[kind], 100) << kind;
}

}  // namespace
}  // namespace odb
