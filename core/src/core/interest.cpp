#include "odb/core/interest.h"

#include "odb/core/key_codec.h"

namespace odb {

namespace {

std::string name_of(const CatalogType& type, const CatalogIndex& index) {
  return "index " + to_string(type.name) + "." + index.name;
}

Error unknown_index(IndexId index) {
  return {ErrorCode::kUnknownIndex, "there is no index number " + std::to_string(index.value)};
}

// Appends the values of an index's fields from `first` on.
Result<void> append_checked(std::string& key, const CatalogType& type, const CatalogIndex& index,
                            std::size_t first, std::span<const Value> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const CatalogField& field = type.fields[index.fields[first + i].value];
    if (auto fits = check_fits(values[i], field.type); !fits) {
      return Error{fits.error().code,
                   to_string(type.name) + "." + field.name + ": " + fits.error().message};
    }
    append_key(key, values[i]);
  }
  return {};
}

}  // namespace

Result<std::string> encode_index_key(const Catalog& catalog, IndexId id,
                                     std::span<const Value> values) {
  const CatalogIndex* index = catalog.find(id);
  if (index == nullptr) return unknown_index(id);
  const CatalogType& type = *catalog.find(index->type);
  if (values.size() != index->fields.size()) {
    return Error{ErrorCode::kWrongType, name_of(type, *index) + ": expected " +
                                            std::to_string(index->fields.size()) +
                                            " values, found " + std::to_string(values.size())};
  }
  std::string key;
  if (auto fits = append_checked(key, type, *index, 0, values); !fits) return fits.error();
  return key;
}

Result<KeySpan> encode_index_range(const Catalog& catalog, const IndexRange& range) {
  const CatalogIndex* index = catalog.find(range.index);
  if (index == nullptr) return unknown_index(range.index);
  const CatalogType& type = *catalog.find(index->type);
  const bool bounded = range.lower || range.upper;
  const std::size_t values = range.prefix.size() + (bounded ? 1 : 0);
  if (values > index->fields.size()) {
    return Error{ErrorCode::kWrongType, name_of(type, *index) + ": expected at most " +
                                            std::to_string(index->fields.size()) +
                                            " values in a range, found " + std::to_string(values)};
  }
  std::string prefix;
  if (auto fits = append_checked(prefix, type, *index, 0, range.prefix); !fits) {
    return fits.error();
  }
  // The end of one bound, with its edge, as a place between keys.
  const auto place = [&](const RangeBound& bound, RangeBound::Edge after) -> Result<std::string> {
    std::string key = prefix;
    if (auto fits = append_checked(key, type, *index, range.prefix.size(), {&bound.value, 1});
        !fits) {
      return fits.error();
    }
    return bound.edge == after ? key_after(std::move(key)) : std::move(key);
  };
  KeySpan span{prefix, key_after(prefix)};
  if (range.lower) {
    auto from = place(*range.lower, RangeBound::Edge::kExclusive);
    if (!from) return from.error();
    span.from = *std::move(from);
  }
  if (range.upper) {
    auto to = place(*range.upper, RangeBound::Edge::kInclusive);
    if (!to) return to.error();
    span.to = *std::move(to);
  }
  return span;
}

Result<void> check_interest(const Catalog& catalog, const Interest& interest) {
  const auto check_type = [&](TypeId type) -> Result<void> {
    if (catalog.find(type) != nullptr) return {};
    return Error{ErrorCode::kUnknownType, "there is no type number " + std::to_string(type.value)};
  };
  if (const auto* schema = std::get_if<SchemaInterest>(&interest)) {
    if (catalog.has_schema(schema->schema)) return {};
    return Error{ErrorCode::kUnknownSchema, "there is no schema \"" + schema->schema + "\""};
  }
  if (const auto* type = std::get_if<TypeInterest>(&interest)) return check_type(type->type);
  if (const auto* objects = std::get_if<ObjectsInterest>(&interest)) {
    return check_type(objects->type);
  }
  if (const auto* index = std::get_if<IndexInterest>(&interest)) {
    auto key = encode_index_key(catalog, index->index, index->key);
    if (!key) return key.error();
    return {};
  }
  auto span = encode_index_range(catalog, std::get<IndexRangeInterest>(interest).range);
  if (!span) return span.error();
  return {};
}

const std::string& schema_of(const Catalog& catalog, const Interest& interest) {
  if (const auto* schema = std::get_if<SchemaInterest>(&interest)) return schema->schema;
  if (const auto* type = std::get_if<TypeInterest>(&interest)) {
    return catalog.find(type->type)->name.schema;
  }
  if (const auto* objects = std::get_if<ObjectsInterest>(&interest)) {
    return catalog.find(objects->type)->name.schema;
  }
  const auto* index = std::get_if<IndexInterest>(&interest);
  const IndexId id =
      index != nullptr ? index->index : std::get<IndexRangeInterest>(interest).range.index;
  return catalog.find(catalog.find(id)->type)->name.schema;
}

}  // namespace odb
