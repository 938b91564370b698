// The store in a directory, with what tests put in the place of the machine.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "odb/server/embedded_store.h"
#include "tables.h"

namespace odb::server::embedded {

struct Machine {
  std::string boot;                              // another one after it failed
  std::shared_ptr<rocksdb::FileSystem> files{};  // null: the real one
};

std::unique_ptr<Store> make_store(EmbeddedOptions options, Machine machine);

}  // namespace odb::server::embedded
