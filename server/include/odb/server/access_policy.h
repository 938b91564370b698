// AccessPolicy: who may do what. Asked at define, subscribe, delivery and commit.
#pragma once

#include <string>

#include "odb/core/changeset.h"
#include "odb/core/interest.h"
#include "odb/core/schema.h"

namespace odb::server {

// This one allows everything; others override. Must answer at once and always alike.
class AccessPolicy {
 public:
  virtual ~AccessPolicy() = default;
  virtual bool may_define(const std::string& /*actor*/, const SchemaDefinition&) const {
    return true;
  }
  virtual bool may_subscribe(const std::string& /*actor*/, const Interest&) const { return true; }
  virtual bool may_see(const std::string& /*actor*/, const CatalogType&) const { return true; }
  virtual bool may_commit(const std::string& /*actor*/, const Changeset&) const { return true; }
};

}  // namespace odb::server
