// The store in a directory, with what tests put in the place of the machine.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lagging_rows.h"
#include "odb/server/embedded_store.h"
#include "tables.h"

namespace odb::server::embedded {

struct Machine {
  std::string boot;                              // another one after it failed
  std::shared_ptr<rocksdb::FileSystem> files{};  // null: the real one
  LaggingRows::Limits lagging{};
};

std::unique_ptr<Store> make_store(EmbeddedOptions options, Machine machine);

}  // namespace odb::server::embedded
