// A running server as a source.
#pragma once

#include <memory>
#include <string>

#include "odb/client/database.h"
#include "odb/tool/dump_lines.h"
#include "odb/tool/source.h"

namespace odb::tool {

// Reads one version: the server's newest, or the one of `wanted` as long as it can be read still.
// Nothing is subscribed to; the server keeps that version readable meanwhile, within its limits.
class ServerSource final : public Source {
 public:
  ServerSource(Database database, std::string address);
  void prefer(const DumpHeader& wanted) { wanted_ = wanted; }

  // Throws what the client library throws.
  Result<server::StoredDatabase> load(server::StoreLoader& loader) override;
  std::string name() const override { return "the server " + address_; }

 private:
  Database database_;
  const std::string address_;
  DumpHeader wanted_;
};

std::unique_ptr<Source> make_server_source(Database database, const std::string& address);

// Makes every schema of the server known to the connection, and gives the server's status.
Status learn_schemas(Database& database);

}  // namespace odb::tool
