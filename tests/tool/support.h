// What the tests of the tool share: a folder of their own, and databases made up.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "odb/server/embedded_store.h"
#include "odb/tool/checksum.h"
#include "odb/tool/dump_reader.h"
#include "odb/tool/dump_writer.h"
#include "odb/tool/fill_store.h"

namespace odb::tool {

class Folder {
 public:
  Folder()
      : path_(std::filesystem::temp_directory_path() /
              ("odb_tool_test_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directory(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  const std::filesystem::path path_;
};

inline std::string read_file(const std::string& name) {
  std::ifstream in(name, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}
inline void write_file(const std::string& name, const std::string& content) {
  std::ofstream(name, std::ios::binary | std::ios::trunc) << content;
}

// The types of one schema, with numbers.
inline std::vector<CatalogType> catalog_of(const SchemaDefinition& definition) {
  auto catalog = Catalog().merged(definition);
  EXPECT_TRUE(catalog) << catalog.error().message;
  std::vector<CatalogType> types;
  for (const auto& type : catalog->types()) types.push_back(*type);
  return types;
}

inline SchemaDefinition todo() {
  return {"todo",
          {{"Task",
            {{"title", Type::text()}, {"priority", Type::integer()}},
            {{.name = "title", .fields = {"title"}, .uniqueness = Uniqueness::kUnique}}}}};
}

struct MadeObject {
  TypeId type;
  ObjectId object;
  std::vector<Value> fields;
};

// Hands out what a test has made up.
class MadeSource final : public Source {
 public:
  using Fields = std::vector<Value>;
  MadeSource(std::vector<CatalogType> types, std::vector<MadeObject> objects)
      : types_(std::move(types)), objects_(std::move(objects)) {
    stored_.history = {7, 9};
    stored_.version = Version{500};
    stored_.ids_below = ObjectId{1'000'000'000};
  }
  void set_version(Version version) { stored_.version = version; }
  // The error that ends the loading after so many objects.
  void break_after(std::size_t objects) { objects_max_ = objects; }

  Result<server::StoredDatabase> load(server::StoreLoader& loader) override {
    if (auto taken = loader.on_database(stored_); !taken) return taken.error();
    if (auto taken = loader.on_types(types_); !taken) return taken.error();
    std::size_t count = 0;
    for (const MadeObject& made : objects_) {
      if (count++ == objects_max_) return Error{ErrorCode::kDisconnected, "broken off"};
      auto taken = loader.on_object(made.type, made.object, Version{3}, made.fields);
      if (!taken) return taken.error();
    }
    return stored_;
  }
  std::string name() const override { return "something made up"; }

 private:
  const std::vector<CatalogType> types_;
  const std::vector<MadeObject> objects_;
  std::size_t objects_max_ = ~std::size_t{0};
  server::StoredDatabase stored_;
};

inline std::vector<MadeObject> tasks(std::uint64_t count) {
  std::vector<MadeObject> objects;
  for (std::uint64_t i = 1; i <= count; ++i) {
    objects.push_back({TypeId{1},
                       ObjectId{i},
                       {Value::text("task " + std::to_string(i)),
                        Value::integer(static_cast<std::int64_t>(i % 7))}});
  }
  return objects;
}

inline Result<DumpCount> dump_to(const std::string& file, Source& source) {
  Progress progress("dumping");
  auto writer = DumpWriter::open(file, progress);
  if (!writer) return writer.error();
  if (auto loaded = source.load(**writer); !loaded) return loaded.error();
  return (*writer)->finish();
}

// All lines but the first and the checksums.
inline std::string content_of(const std::string& dump) {
  std::istringstream in(read_file(dump));
  std::string line, content;
  std::getline(in, line);
  while (std::getline(in, line)) content += line.substr(0, line.find(",\"sha256\"")) + "\n";
  return content;
}

inline MakeStore data_directory(const std::string& folder) {
  return [folder](server::Filling filling) {
    return server::make_embedded_store({.folder = folder, .filling = std::move(filling)});
  };
}
inline std::unique_ptr<Source> read_directory(const std::string& folder) {
  return make_store_source(server::make_embedded_store({.folder = folder}), Order::kSorted);
}

inline Result<Filled> restore_to(const std::string& folder, Source& source,
                                 const std::string& mark = "a test") {
  Progress progress("restoring");
  auto whole = read_whole(source, progress);
  if (!whole) return whole.error();
  return fill_store(**whole, mark, data_directory(folder), progress);
}

// A dump with these lines, and a checksum that is right.
inline std::string dump_of(const std::vector<std::string>& lines, std::uint64_t objects) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  Checksum checksum;
  checksum.add(text);
  return text + count_line(kObjectsCount, {objects, checksum.hex()});
}

}  // namespace odb::tool
