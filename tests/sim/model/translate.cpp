#include "model/translate.h"

namespace odb::sim {

namespace {

bool translate(TypeId& type, const Catalog& from, const Catalog& to) {
  const CatalogType* found = to.find(from.find(type)->name);
  if (found != nullptr) type = found->id;
  return found != nullptr;
}

bool translate(IndexId& index, const Catalog& from, const Catalog& to) {
  const CatalogIndex& known = *from.find(index);
  TypeId type = known.type;
  if (!translate(type, from, to)) return false;
  const CatalogIndex* found = to.find(type)->find_index(known.name);
  if (found != nullptr) index = found->id;
  return found != nullptr;
}

}  // namespace

std::optional<Interest> translate(const Interest& interest, const Catalog& from,
                                  const Catalog& to) {
  Interest out = interest;
  bool is_known = true;
  if (auto* type = std::get_if<TypeInterest>(&out)) {
    is_known = translate(type->type, from, to);
  } else if (auto* objects = std::get_if<ObjectsInterest>(&out)) {
    is_known = translate(objects->type, from, to);
  } else if (auto* key = std::get_if<IndexInterest>(&out)) {
    is_known = translate(key->index, from, to);
  } else if (auto* range = std::get_if<IndexRangeInterest>(&out)) {
    is_known = translate(range->range.index, from, to);
  }
  return is_known ? std::optional(out) : std::nullopt;
}

}  // namespace odb::sim
