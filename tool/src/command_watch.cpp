// odb watch: changes as they are committed.
#include <CLI/CLI.hpp>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "command.h"
#include "objects.h"
#include "odb/tool/server_source.h"

namespace odb::tool {

namespace {

struct Arguments {
  PlaceArguments place;
  std::string type;
  std::vector<std::uint64_t> ids;
  std::uint64_t count = 0;
};

// Lines on their way from the connection's thread to the one that prints. What is not printed in
// time holds that thread back, and at last the server drops the subscription: nothing is lost
// unsaid.
class Lines {
 public:
  void put(std::string line) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return lines_.size() < kLinesMax || has_ended_; });
    lines_.push_back(std::move(line));
    changed_.notify_all();
  }
  void fail(Error reason) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(reason);
    changed_.notify_all();
  }
  void end() {
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
    changed_.notify_all();
  }
  // Nothing when interrupted, or after an error.
  std::optional<std::string> take() {
    constexpr std::chrono::milliseconds kGlance{100};
    std::unique_lock lock(mutex_);
    while (lines_.empty()) {
      if (is_interrupted() || failure_) return std::nullopt;
      changed_.wait_for(lock, kGlance);
    }
    std::string line = std::move(lines_.front());
    lines_.pop_front();
    changed_.notify_all();
    return line;
  }
  const std::optional<Error>& failure() const { return failure_; }

 private:
  static constexpr std::size_t kLinesMax = 10'000;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> lines_;
  std::optional<Error> failure_;
  bool has_ended_ = false;
};

class Describer {
 public:
  Describer(TypeId type, Output output, Lines& lines)
      : type_(type), output_(output), lines_(lines) {}

  void tell(const Change& change) {
    for (const auto& object : change.created) tell(change, "created", object.object);
    for (const auto& object : change.changed) tell(change, "changed", object.object);
    for (const auto& object : change.deleted) tell(change, "deleted", object.object);
  }

 private:
  void tell(const Change& change, std::string_view what, ObjectRef object) {
    if (object.type != type_) return;
    const CatalogType& type = *change.view.catalog().find(object.type);
    const ObjectLines lines(type);
    const Row* row = change.view.snapshot().find(object.type, object.object);
    const std::string version = std::to_string(change.version.value);
    if (output_ == Output::kText) {
      std::string line = version + "  " + change.actor + "  " + std::string(what);
      const std::vector<std::string> cells = object_cells(
          type, lines, object.object, row == nullptr ? std::span<const Value>() : row->fields());
      line += "  " + cells[0];
      for (std::size_t i = 1; row != nullptr && i < cells.size(); ++i) {
        line += "  " + type.fields[i - 1].name + "=" + cells[i];
      }
      return lines_.put(std::move(line));
    }
    std::string line = "{\"version\":" + version + ",\"actor\":";
    append_text(line, change.actor);
    line += ",\"what\":\"" + std::string(what) + "\"";
    if (row == nullptr) {
      line += ",\"type\":";
      append_text(line, to_string(type.name));
      line += ",\"id\":" + std::to_string(object.object.value) + "}";
    } else {
      line += "," + object_json(type, lines, object.object, row->fields()).substr(1);
    }
    lines_.put(std::move(line));
  }

  const TypeId type_;
  const Output output_;
  Lines& lines_;
};

Result<ExitCode> watch(const Arguments& given, Output output) {
  auto place = take_place(given.place, Places::kServers);
  if (!place) return place.error();
  Lines lines;
  Database database = connect_to(std::get<ServerPlace>(*place), [&](const LinkEvent& event) {
    if (event.kind == LinkEvent::Kind::kGone) lines.fail(event.reason);
  });
  learn_schemas(database);
  const auto catalog = database.catalog();
  const CatalogType& type = find_type(*catalog, given.type);
  Interest interest = TypeInterest{type.id};
  if (!given.ids.empty()) {
    ObjectsInterest wanted{type.id, {}};
    for (const std::uint64_t id : given.ids) wanted.objects.push_back(ObjectId{id});
    interest = std::move(wanted);
  }
  Describer describer(type.id, output, lines);
  database.subscribe(std::move(interest));
  const HandlerId handler =
      database.on_commit([&](const Change& change) { describer.tell(change); });
  Result<ExitCode> result = ExitCode::kSuccess;
  for (std::uint64_t told = 0; given.count == 0 || told < given.count; ++told) {
    const std::optional<std::string> line = lines.take();
    if (!line) break;
    if (auto printed = print(*line); !printed) {
      result = printed.error();
      break;
    }
  }
  if (lines.failure()) result = *lines.failure();
  lines.end();
  database.remove_handler(handler);
  return result;
}

}  // namespace

void add_watch(Program& program) {
  auto given = std::make_shared<Arguments>();
  CLI::App& command = program.add("watch", "Show changes as they are committed, until Ctrl-C",
                                  [given](Output output) { return watch(*given, output); });
  add_place(command, given->place, Places::kServers);
  command.add_option("TYPE", given->type, "SCHEMA.TYPE")->required()->type_name("");
  command.add_option("ID", given->ids, "Only these objects")->type_name("");
  command.add_option("--count", given->count, "End after so many, 0 for never")
      ->type_name("COUNT")
      ->capture_default_str();
}

}  // namespace odb::tool
