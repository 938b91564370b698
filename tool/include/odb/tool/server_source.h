// A running server as a source.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "odb/client/database.h"
#include "odb/tool/dump_writer.h"
#include "odb/tool/source.h"

namespace odb::tool {

// Reads one version: the server's newest, or the one that a dump has begun with, as long as that
// can be read still and the types are the same. Nothing is subscribed to; the server keeps that
// version readable meanwhile, within its limits.
class ServerSource final : public Source {
 public:
  ServerSource(Database database, std::string address);
  void prefer(PartialDump wanted) { wanted_ = std::move(wanted); }

  // Throws what the client library throws.
  Result<server::StoredDatabase> load(server::StoreLoader& loader) override;
  std::string name() const override { return "the server " + address_; }

 private:
  // The view of the version that is wanted; else the newest.
  View choose(const ServerStatus& status) const;

  Database database_;
  const std::string address_;
  PartialDump wanted_;
};

std::unique_ptr<Source> make_server_source(Database database, const std::string& address);

// Makes every schema of the server known to the connection, and gives the server's status.
ServerStatus learn_schemas(Database& database);

}  // namespace odb::tool
