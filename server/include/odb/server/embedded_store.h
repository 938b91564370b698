// A store in a directory of this machine; docs/embedded.md describes what it keeps there and what
// survives what.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "odb/core/error.h"
#include "odb/server/log_retention.h"
#include "odb/server/store.h"

namespace odb::server {

// When a commit counts as durable.
enum class Durability : std::uint8_t {
  kCommit,    // on the disk
  kInterval,  // written; on the disk a bounded time later
  kOs,        // written; on the disk when the operating system comes to it
};

struct EmbeddedOptions {
  std::string folder;  // made when it does not exist
  Durability durability = Durability::kCommit;
  std::chrono::milliseconds sync_interval{10};  // with kInterval
  // How long an append may stay unconfirmed before its authors are told that its outcome is
  // unknown.
  std::chrono::milliseconds store_timeout{10'000};
  LogRetention retention;            // of the log; nothing needs that to start
  std::optional<Filling> filling{};  // whoever fills it says so
};

std::unique_ptr<Store> make_embedded_store(EmbeddedOptions options);

}  // namespace odb::server
