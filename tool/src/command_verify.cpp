// odb verify: whether a dump, a store or a server is what it should be.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <memory>

#include "command.h"
#include "odb/tool/dump_reader.h"
#include "verification.h"

namespace odb::tool {

namespace {

struct Arguments {
  PlaceArguments place;
  std::string file;
};

Result<ExitCode> show(const Verification& found, const std::string& name, Output output) {
  const bool is_well = found.wrong.empty();
  Result<void> printed;
  if (output == Output::kJson) {
    boost::json::object json{{"ok", is_well},
                             {"objects", found.objects},
                             {"index_entries", found.index_entries},
                             {"logged_versions", found.logged_versions},
                             {"wrong", boost::json::value_from(found.wrong)}};
    if (found.dangling) json["dangling_references"] = *found.dangling;
    printed = print(json);
  } else {
    for (const std::string& wrong : found.wrong) {
      std::fprintf(stderr, "odb: %s: %s\n", name.c_str(), wrong.c_str());
    }
    std::string line = name + (is_well ? " is well: " : " is damaged: ") +
                       std::to_string(found.objects) + " objects, " +
                       std::to_string(found.index_entries) + " index entries";
    if (found.dangling) {
      line += ", " + std::to_string(found.logged_versions) + " versions in the log, " +
              std::to_string(*found.dangling) + " references to deleted objects";
    }
    printed = print(line);
  }
  if (!printed) return printed.error();
  return is_well ? ExitCode::kSuccess : ExitCode::kDamaged;
}

Result<ExitCode> verify(const Arguments& given, Output output) {
  Progress progress("verifying");
  if (!given.file.empty()) {
    auto dump = DumpSource::open(given.file);
    if (!dump) return dump.error();
    auto found = verify_source(**dump, progress);
    if (!found) return found.error();
    return show(*found, (*dump)->name(), output);
  }
  auto place = take_place(given.place, Places::kBoth);
  if (!place) return place.error();
  if (const auto* server = std::get_if<ServerPlace>(&*place)) {
    Database database = connect_to(*server);
    return show(verify_server(database, progress), "the server " + server->to_string(), output);
  }
  auto source = open_source(*place);
  if (!source) return source.error();
  auto found = verify_source(**source, progress);
  if (!found) return found.error();
  return show(*found, (*source)->name(), output);
}

// What cannot even be read is damaged, unless it is not there, in use or not odb's.
Result<ExitCode> verify_or_damaged(const Arguments& given, Output output) {
  auto done = verify(given, output);
  if (done) return done;
  if (done.error().code != ErrorCode::kDataDamaged) return done;
  Verification found;
  found.wrong.push_back(done.error().message);
  return show(found, given.file.empty() ? "it" : "the dump " + given.file, output);
}

}  // namespace

void add_verify(Program& program) {
  auto given = std::make_shared<Arguments>();
  CLI::App& command =
      program.add("verify", "Look for damage in a dump, a store or a server",
                  [given](Output output) { return verify_or_damaged(*given, output); });
  add_place(command, given->place, Places::kBoth);
  command.add_option("FILE", given->file, "A dump")->type_name("");
}

}  // namespace odb::tool
