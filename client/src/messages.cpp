#include "messages.h"

#include <cstdio>

#include "odb/client/errors.h"
#include "odb/core/key_codec.h"

namespace odb::detail {

namespace {

std::string type_name(const Catalog& catalog, TypeId type) {
  const CatalogType* found = catalog.find(type);
  return found == nullptr ? "type " + std::to_string(type.value) : to_string(found->name);
}

// The values, in the order of the index's fields.
std::string looked_up(const CatalogIndex& index, const std::string& key) {
  const auto values = decode_key(key);
  if (!values || values->size() != index.fields.size()) return "a value";
  std::string text;
  for (const Value& value : *values) {
    if (!text.empty()) text += ", ";
    text += to_string(value);
  }
  return text;
}

struct KeyDescription {
  const Catalog& catalog;

  std::string operator()(const CellRead& read) const {
    const CatalogType* type = catalog.find(read.type);
    const bool known = type != nullptr && read.field.value < type->fields.size();
    return type_name(catalog, read.type) + "." +
           (known ? type->fields[read.field.value].name : std::to_string(read.field.value)) +
           " of object " + std::to_string(read.object.value);
  }
  std::string operator()(const ExistenceRead& read) const {
    return "the existence of " + describe(catalog, ObjectRef{read.type, read.object});
  }
  std::string operator()(const IndexRead& read) const {
    const CatalogIndex* index = catalog.find(read.index);
    if (index == nullptr) return "index " + std::to_string(read.index.value);
    return looked_up(*index, read.key) + " in index " + type_name(catalog, index->type) + "." +
           index->name;
  }
  std::string operator()(const IndexRangeRead& read) const {
    const CatalogIndex* index = catalog.find(read.index);
    if (index == nullptr) return "a range of index " + std::to_string(read.index.value);
    return "a range of index " + type_name(catalog, index->type) + "." + index->name;
  }
  std::string operator()(const MembershipRead& read) const {
    return "which objects " + type_name(catalog, read.type) + " has";
  }
};

}  // namespace

std::string describe(const Catalog& catalog, ObjectRef object) {
  return type_name(catalog, object.type) + " " + std::to_string(object.object.value);
}

Error not_found(const Catalog& catalog, ObjectRef object) {
  return {ErrorCode::kUnknownObject, describe(catalog, object) + " does not exist"};
}

Error not_subscribed(const Catalog& catalog, ObjectRef object) {
  return {ErrorCode::kNotSubscribed,
          describe(catalog, object) +
              " is not covered by any loaded subscription, so whether it exists is not known here"};
}

Error history_has_ended() {
  return {ErrorCode::kTooOld,
          "the server has begun a new history since: begin again with a new view or transaction"};
}

Error nonsense(const std::string& what) {
  return {ErrorCode::kMalformedMessage, "the server sent " + what};
}

ObjectRef only_one(const Catalog& catalog, IndexId index, std::span<const ObjectRef> found) {
  if (found.size() == 1) return found.front();
  const CatalogIndex& described = *catalog.find(index);
  throw NotFoundError({ErrorCode::kUnknownObject,
                       type_name(catalog, described.type) + " not unique by " + described.name +
                           ": expected one object, found " + std::to_string(found.size())});
}

}  // namespace odb::detail

namespace odb {

std::string describe_conflict_key(const Catalog& catalog, const ConflictKey& key) {
  return std::visit(detail::KeyDescription{catalog}, key);
}

std::string describe_conflict(const Catalog& catalog, const Conflict& conflict) {
  std::string text = "conflict on " + describe_conflict_key(catalog, conflict.key) +
                     ": read at version " + std::to_string(conflict.read.value) + ", changed";
  if (!conflict.actor.empty()) text += " by " + conflict.actor;
  if (conflict.won != Version{}) text += " in version " + std::to_string(conflict.won.value);
  if (conflict.sequence != Sequence{}) {
    char client[9];
    std::snprintf(client, sizeof client, "%08x", static_cast<unsigned>(conflict.client.high >> 32));
    text += ", request " + std::to_string(conflict.sequence.value) + " of client " + client;
  }
  return text;
}

}  // namespace odb
