// odb dump, odb restore, odb migrate: whole databases from one place to another.
#include <CLI/CLI.hpp>
#include <boost/json/object.hpp>
#include <cstdio>
#include <memory>
#include <utility>

#include "command.h"
#include "odb/tool/dump_reader.h"
#include "odb/tool/dump_writer.h"
#include "odb/tool/fill_store.h"
#include "odb/tool/server_source.h"

namespace odb::tool {

namespace {

// What is of interest beside the result, for a person.
void tell(Output output, const std::string& line) {
  if (output == Output::kText) std::fprintf(stderr, "odb: %s\n", line.c_str());
}

std::string number(std::uint64_t count) { return std::to_string(count); }

// ---- dump ----

Result<ExitCode> dump(const Place& place, const std::string& file, Output output) {
  Progress progress("dumping");
  auto writer = DumpWriter::open(file, progress);
  if (!writer) return writer.error();
  auto source = open_source(place);
  if (!source) return source.error();
  if (auto* server = dynamic_cast<ServerSource*>(source->get())) {
    if (const auto partial = find_partial_dump(file)) server->prefer(*partial);
  }
  std::uint64_t version = 0;
  const auto load = [&](server::StoreLoader& loader) -> Result<void> {
    auto stored = (*source)->load(loader);
    if (!stored) return stored.error();
    version = stored->version.value;
    return {};
  };
  if ((*source)->order() == Order::kSorted) {
    if (auto loaded = load(**writer); !loaded) return loaded.error();
  } else {
    SortingLoader sorting(**writer);
    if (auto loaded = load(sorting); !loaded) return loaded.error();
    if (auto finished = sorting.finish(); !finished) return finished.error();
  }
  auto count = (*writer)->finish();
  if (!count) return count.error();
  if ((*writer)->has_begun_anew()) {
    tell(output, "what was there of " + file + " is of another version: began anew");
  }
  if (file == "-") return ExitCode::kSuccess;
  const std::uint64_t resumed = (*writer)->objects_resumed();
  auto printed =
      output == Output::kJson
          ? print(boost::json::object{{"file", file},
                                      {"version", version},
                                      {"objects", count->count},
                                      {"resumed", resumed},
                                      {"sha256", count->sha256}})
          : print("dumped version " + number(version) + " of " + (*source)->name() + ": " +
                  number(count->count) + " objects" +
                  (resumed > 0 ? ", " + number(resumed) + " of them before" : std::string()));
  if (!printed) return printed.error();
  return ExitCode::kSuccess;
}

// ---- restore and migrate ----

Result<ExitCode> fill(Source& source, const std::string& what, const Place& to, Output output) {
  auto maker = store_maker(to);
  if (!maker) return maker.error();
  std::unique_ptr<WholeDatabase> whole;
  {
    Progress progress("reading");
    auto read = read_whole(source, progress);
    if (!read) return read.error();
    whole = *std::move(read);
  }
  Progress progress("writing");
  // A dump says of itself what it is; of a store it is what it holds now.
  const std::string mark = what.empty() ? "version " + number(whole->stored.version.value) +
                                              " of history " + to_text(whole->stored.history)
                                        : what;
  auto filled = fill_store(*whole, mark, *maker, progress);
  if (!filled) return filled.error();
  auto printed =
      output == Output::kJson
          ? print(boost::json::object{{"history", to_text(filled->history)},
                                      {"version", filled->version.value},
                                      {"objects", filled->objects},
                                      {"resumed", filled->resumed}})
          : print("restored " + source.name() + ": " + number(filled->objects) + " objects" +
                  (filled->resumed > 0 ? ", " + number(filled->resumed) + " of them before"
                                       : std::string()));
  if (!printed) return printed.error();
  return ExitCode::kSuccess;
}

struct DumpArguments {
  PlaceArguments place;
  std::string file;
};
struct MigrateArguments {
  PlaceArguments others;
  std::string from;
  std::string to;
};

}  // namespace

void add_dump(Program& program) {
  auto given = std::make_shared<DumpArguments>();
  CLI::App& command = program.add("dump", "Write a whole database to a file, as JSON lines",
                                  [given](Output output) {
                                    auto place = take_place(given->place, Places::kBoth);
                                    if (!place) return Result<ExitCode>(place.error());
                                    return dump(*place, given->file, output);
                                  });
  add_place(command, given->place, Places::kBoth);
  command.add_option("FILE", given->file, "Where to; - is stdout")->required()->type_name("");
}

void add_restore(Program& program) {
  auto given = std::make_shared<DumpArguments>();
  CLI::App& command =
      program.add("restore", "Put what a dump holds into an empty store", [given](Output output) {
        auto place = take_place(given->place, Places::kStores);
        if (!place) return Result<ExitCode>(place.error());
        auto source = DumpSource::open(given->file);
        if (!source) return Result<ExitCode>(source.error());
        return fill(**source, "dump " + (*source)->count().sha256, *place, output);
      });
  add_place(command, given->place, Places::kStores);
  command.add_option("FILE", given->file, "The dump")->required()->type_name("");
}

void add_migrate(Program& program) {
  auto given = std::make_shared<MigrateArguments>();
  CLI::App& command = program.add(
      "migrate", "Put a whole database into another, empty store", [given](Output output) {
        auto from = parse_place(given->from, given->others);
        if (!from)
          return Result<ExitCode>(Error{from.error().code, "--from: " + from.error().message});
        auto to = parse_place(given->to, given->others);
        if (!to) return Result<ExitCode>(Error{to.error().code, "--to: " + to.error().message});
        auto source = open_source(*from);
        if (!source) return Result<ExitCode>(source.error());
        return fill(**source, {}, *to, output);
      });
  constexpr const char* kPlace = "PLACE";
  command
      .add_option("--from", given->from,
                  "data-dir:DIR, redis:ADDRESS, redis:ADDRESS#PREFIX or server:HOST:PORT")
      ->required()
      ->type_name(kPlace);
  command.add_option("--to", given->to, "data-dir:DIR, redis:ADDRESS or redis:ADDRESS#PREFIX")
      ->required()
      ->type_name(kPlace);
  command
      .add_option("--token-file", given->others.token_file, "File with the token of that server")
      ->type_name("FILE");
  command.add_option("--redis-user", given->others.redis_user, "User of the Redis")
      ->type_name("NAME");
  command
      .add_option("--redis-password-file", given->others.redis_password_file,
                  "File with its password")
      ->type_name("FILE");
}

}  // namespace odb::tool
