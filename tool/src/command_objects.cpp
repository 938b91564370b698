// odb get, odb ls: objects as JSON or a table.
#include <CLI/CLI.hpp>
#include <limits>
#include <memory>
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
  std::vector<std::string> conditions;
  std::uint64_t limit = 100;
};

struct Found {
  std::vector<RowBlock> blocks;
  View view;
};

// As of one version.
Found load(Database& database, const std::string& name,
           const std::function<Interest(const CatalogType&)>& what) {
  learn_schemas(database);
  database.flush();
  View view = database.view();
  const CatalogType& type = find_type(view.catalog(), name);
  const auto source = view.snapshot().source();
  return {source->load(view.snapshot().origin(), what(type)), std::move(view)};
}

// How many there were.
Result<std::uint64_t> show(const Found& found, const CatalogType& type, std::uint64_t limit,
                           Output output) {
  const ObjectLines lines(type);
  std::vector<std::vector<std::string>> rows = {head_cells(type)};
  std::uint64_t count = 0;
  for (const RowBlock& block : found.blocks) {
    for (std::size_t i = 0; i < block.objects.size(); ++i, ++count) {
      if (count >= limit) continue;
      const std::span fields =
          std::span(block.values).subspan(i * block.field_count, block.field_count);
      if (output == Output::kText) {
        rows.push_back(object_cells(type, lines, block.objects[i], fields));
      } else {
        auto printed = print(object_json(type, lines, block.objects[i], fields));
        if (!printed) return printed.error();
      }
    }
  }
  if (output == Output::kJson) return count;
  std::string text = table(rows);
  if (count > limit) {
    text += "\n... " + std::to_string(count - limit) + " more (--limit 0 shows all)";
  }
  if (auto printed = print(text); !printed) return printed.error();
  return count;
}

Result<ExitCode> list(const Arguments& given, Output output) {
  auto place = take_place(given.place, Places::kServers);
  if (!place) return place.error();
  Database database = connect_to(std::get<ServerPlace>(*place));
  const Found found = load(database, given.type, [&](const CatalogType& type) {
    return parse_interest(type, given.conditions);
  });
  const std::uint64_t limit =
      given.limit == 0 ? std::numeric_limits<std::uint64_t>::max() : given.limit;
  auto shown = show(found, find_type(found.view.catalog(), given.type), limit, output);
  if (!shown) return shown.error();
  return ExitCode::kSuccess;
}

Result<ExitCode> get(const Arguments& given, Output output) {
  auto place = take_place(given.place, Places::kServers);
  if (!place) return place.error();
  Database database = connect_to(std::get<ServerPlace>(*place));
  const Found found = load(database, given.type, [&](const CatalogType& type) {
    ObjectsInterest wanted{type.id, {}};
    for (const std::uint64_t id : given.ids) wanted.objects.push_back(ObjectId{id});
    return wanted;
  });
  auto shown = show(found, find_type(found.view.catalog(), given.type),
                    std::numeric_limits<std::uint64_t>::max(), output);
  if (!shown) return shown.error();
  return *shown == given.ids.size() ? ExitCode::kSuccess : ExitCode::kNotFound;
}

}  // namespace

void add_objects(Program& program) {
  {
    auto given = std::make_shared<Arguments>();
    CLI::App& command = program.add("get", "Show objects by their identities",
                                    [given](Output output) { return get(*given, output); });
    add_place(command, given->place, Places::kServers);
    command.add_option("TYPE", given->type, "SCHEMA.TYPE")->required()->type_name("");
    command.add_option("ID", given->ids, "Identities")->required()->type_name("");
  }
  auto given = std::make_shared<Arguments>();
  CLI::App& command = program.add("ls", "Show the objects of a type",
                                  [given](Output output) { return list(*given, output); });
  add_place(command, given->place, Places::kServers);
  command.add_option("TYPE", given->type, "SCHEMA.TYPE")->required()->type_name("");
  command.add_option("FIELD=VALUE", given->conditions, "Only those, by an index over these fields")
      ->type_name("");
  command.add_option("--limit", given->limit, "How many at most, 0 for all")
      ->type_name("COUNT")
      ->capture_default_str();
}

}  // namespace odb::tool
