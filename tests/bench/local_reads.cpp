// How fast a program reads what it is subscribed to: no server takes part.
#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstring>
#include <random>
#include <stdexcept>
#include <vector>

#include "clock.h"
#include "figures.h"
#include "snapshot.h"

namespace odb::bench {

namespace {

constexpr char kFigure[] = "local-reads";

// What one of so many takes, in nanoseconds, of a function that does them all.
template <class Body>
double ns_of_one(std::int64_t count, Body&& body) {
  const std::int64_t begin = now_ns();
  body();
  return static_cast<double>(now_ns() - begin) / static_cast<double>(count);
}

using BareItems = boost::unordered_flat_map<std::uint64_t, Item>;          // by identity
using BareIndex = boost::unordered_flat_map<std::int64_t, std::uint64_t>;  // by number

void check(bool is_right) {
  if (!is_right) throw std::runtime_error("the objects are not those that were written");
}

// Reads of one object after another, by identity and by index; the floor has the same in tables
// of its own.
class Reads {
 public:
  explicit Reads(const View& view) : view_(view), ordered_(view.refs<Item>()) {
    count_ = static_cast<std::int64_t>(ordered_.size());
    for (const auto& [ref, item] : view_.all<Item>()) {
      bare_items_.emplace(ref.object.value, item);
      bare_index_.emplace(item.number, ref.object.value);
      numbers_.push_back(item.number);
    }
    std::mt19937_64 random(20240607);
    shuffled_ = ordered_;
    std::shuffle(shuffled_.begin(), shuffled_.end(), random);
    std::shuffle(numbers_.begin(), numbers_.end(), random);
  }

  json::object measure() {
    static_cast<void>(fields(shuffled_));  // warm
    return {{"random", fields(shuffled_)},  {"bare_random", bare_fields()},
            {"in_order", fields(ordered_)}, {"structs", structs()},
            {"copied", copied()},           {"lookup_any", lookup_any()},
            {"lookup", lookup()},           {"bare_lookup", bare_lookup()}};
  }

 private:
  double fields(const std::vector<Ref<Item>>& refs) const {
    std::int64_t sum = 0;
    const double ns = ns_of_one(count_, [&] {
      for (const Ref<Item>& ref : refs) sum += view_.get<&Item::number>(ref);
    });
    check(sum == sum_of_numbers());
    return ns;
  }
  double bare_fields() const {
    std::int64_t sum = 0;
    const double ns = ns_of_one(count_, [&] {
      for (const Ref<Item>& ref : shuffled_) {
        sum += bare_items_.find(ref.object.value)->second.number;
      }
    });
    check(sum == sum_of_numbers());
    return ns;
  }
  double structs() const {
    std::int64_t sum = 0;
    std::size_t label_bytes = 0;
    const double ns = ns_of_one(3 * count_, [&] {
      for (const auto& [ref, item] : view_.all<Item>()) {
        sum += item.number;
        label_bytes += item.label.size() + (item.measure < 0 ? 1 : 0);
      }
    });
    check(sum == sum_of_numbers() && label_bytes == static_cast<std::size_t>(16 * count_));
    return ns;
  }
  // As many bytes as the structs have, by memcpy.
  double copied() const {
    const std::vector<char> from(static_cast<std::size_t>(count_ * kItemDataBytes), 'x');
    std::vector<char> to(from.size(), 'y');
    const double ns =
        ns_of_one(3 * count_, [&] { std::memcpy(to.data(), from.data(), from.size()); });
    check(to == from);
    return ns;
  }
  double lookup_any() const {
    std::uint64_t sum = 0;
    const double ns = ns_of_one(count_, [&] {
      for (const std::int64_t number : numbers_) {
        sum += view_.lookup_any<&Item::number>(number).value().object.value;
      }
    });
    check(sum == sum_of_identities());
    return ns;
  }
  double lookup() const {
    std::uint64_t sum = 0;
    const double ns = ns_of_one(count_, [&] {
      for (const std::int64_t number : numbers_) {
        for (const Ref<Item>& ref : view_.lookup<&Item::number>(number)) sum += ref.object.value;
      }
    });
    check(sum == sum_of_identities());
    return ns;
  }
  double bare_lookup() const {
    std::uint64_t sum = 0;
    const double ns = ns_of_one(count_, [&] {
      for (const std::int64_t number : numbers_) sum += bare_index_.find(number)->second;
    });
    check(sum == sum_of_identities());
    return ns;
  }

  std::int64_t sum_of_numbers() const { return count_ * (count_ - 1) / 2; }
  std::uint64_t sum_of_identities() const {
    std::uint64_t sum = 0;
    for (const Ref<Item>& ref : ordered_) sum += ref.object.value;
    return sum;
  }

  const View view_;
  const std::vector<Ref<Item>> ordered_;
  std::vector<Ref<Item>> shuffled_;
  std::vector<std::int64_t> numbers_;  // shuffled too
  std::int64_t count_ = 0;
  BareItems bare_items_;
  BareIndex bare_index_;
};

}  // namespace

json::object local_reads_worker(const json::object& arguments, WorkerChannel&) {
  Database database = connect_to(arguments);
  database.subscribe(item_schema(Indexing::kNumber));
  return Reads(database.view()).measure();
}

void measure_local_reads(Run& run) {
  const ServerProcess server(run);
  load_objects(server, run.scaled(kObjects, kObjectsQuick), Indexing::kNumber);
  repeat(run, kFigure, [&](int) {
    const json::object found = server.run_worker("local-reads");
    const auto add = [&](const std::string& what, const char* name, const char* floor, Goal goal) {
      Line& line = run.report.line(kFigure, what, "ns", goal);
      line.samples.push_back(number(found, name));
      if (floor != nullptr) line.floor_samples.push_back(number(found, floor));
    };
    add("view.get<&T::m>, random objects, a field", "random", "bare_random",
        {Goal::Kind::kFloorTimes, 1.5});
    add("view.get<&T::m>, in order, a field", "in_order", nullptr, {Goal::Kind::kAtMost, 10});
    add("whole structs, for (... : view.all<T>()), a field", "structs", "copied",
        {Goal::Kind::kAtMost, 10});
    add("view.lookup_any<&T::m>(value)", "lookup_any", "bare_lookup", {Goal::Kind::kFloorTimes, 2});
    add("view.lookup<&T::m>(value)", "lookup", "bare_lookup", {});
  });
}

}  // namespace odb::bench
