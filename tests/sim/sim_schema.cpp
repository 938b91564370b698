#include "sim_schema.h"

#include <string>

#include "odb/core/core_schema.h"

namespace odb::sim {

namespace {

Type optional(Type type) { return Type::one_of({Type::none(), std::move(type)}); }
Type to(const char* type) { return Type::reference({kSchemaName, type}); }

TypeDefinition task() {
  return {
      .name = "Task",
      .fields = {{"title", Type::text()},
                 {"status", Type::integer()},
                 {"priority", Type::integer()},
                 {"note", optional(Type::integer())},
                 {"owner", optional(to("Person"))},
                 {"log", Type::list(Type::integer())},
                 {"marks", Type::dict(Type::text(), Type::integer())}},
      .indexes = {{"status", {"status"}}, {"board", {"priority", "note"}}, {"owner", {"owner"}}}};
}

TypeDefinition person() {
  return {.name = "Person",
          .fields = {{"name", Type::text()},
                     {"age", Type::integer()},
                     {"boss", optional(to("Person"))}},
          .indexes = {{"name", {"name"}, Uniqueness::kUnique}}};
}

TypeDefinition entry() {
  return {.name = "Entry", .fields = {{"text", Type::text()}, {"task", to("Task")}}, .indexes = {}};
}

TypeDefinition lease() {
  return {.name = "Lease",
          .fields = {{"resource", Type::integer()},
                     {"holder", optional(Type::reference(connection_type_name()))}},
          .indexes = {{"resource", {"resource"}},
                      {"holder", {"holder"}, Uniqueness::kMany, IndexRole::kOwner}}};
}

}  // namespace

const Schema& base_schema() {
  static const Schema schema =
      Schema(kSchemaName).define(task()).define(person()).define(entry()).define(lease());
  return schema;
}

const Schema& grown_schema() {
  static const Schema schema = [] {
    TypeDefinition grown = task();
    grown.fields.push_back({"extra", Type::integer()});
    grown.indexes.push_back({"extra", {"extra", "status"}});
    return Schema(kSchemaName)
        .define(std::move(grown))
        .define(person())
        .define(entry())
        .define(lease())
        .define({.name = "Tag", .fields = {{"label", Type::text()}}, .indexes = {{"", {"label"}}}});
  }();
  return schema;
}

std::optional<Value> random_value(Random& random, const Type& type, const PickObject& pick_object) {
  static const std::vector<std::string> kTexts = {
      "a", "b", "c", "d", "e", "f", "g", "a text that takes a block of its own"};
  switch (type.kind) {
    case Type::Kind::kNone:
      return Value::none();
    case Type::Kind::kInt:
      return Value::integer(static_cast<std::int64_t>(below(random, 3)));
    case Type::Kind::kText:
      return Value::text(pick(random, kTexts));
    case Type::Kind::kReference: {
      const auto object = pick_object(type.target_id);
      if (!object) return std::nullopt;
      return Value::reference(type.target_id, *object);
    }
    case Type::Kind::kOneOf: {
      auto value = random_value(random, pick(random, type.children), pick_object);
      return value ? value : Value::none();
    }
    case Type::Kind::kList:
    case Type::Kind::kDict: {
      std::vector<Value> elements;
      std::vector<std::pair<Value, Value>> entries;
      for (std::size_t count = below(random, 3); count > 0; --count) {
        auto element = random_value(random, type.children.back(), pick_object);
        if (!element) return std::nullopt;
        if (type.kind == Type::Kind::kList) {
          elements.push_back(*std::move(element));
        } else {
          auto key = random_value(random, type.children.front(), pick_object);
          entries.emplace_back(*std::move(key), *std::move(element));
        }
      }
      return type.kind == Type::Kind::kList ? Value::list(std::move(elements))
                                            : Value::dict(std::move(entries));
    }
    default:
      return std::nullopt;  // the schema above has no others
  }
}

std::optional<std::vector<Value>> random_key(Random& random, const CatalogType& type,
                                             const CatalogIndex& index,
                                             const PickObject& pick_object) {
  std::vector<Value> key;
  for (const FieldId field : index.fields) {
    auto value = random_value(random, type.fields[field.value].type, pick_object);
    if (!value) return std::nullopt;
    key.push_back(*std::move(value));
  }
  return key;
}

std::optional<IndexRange> random_range(Random& random, const CatalogType& type,
                                       const CatalogIndex& index, const PickObject& pick_object) {
  IndexRange range{index.id, {}, {}, {}};
  const std::size_t prefix = below(random, index.fields.size() + 1);
  for (std::size_t i = 0; i < prefix; ++i) {
    auto value = random_value(random, type.fields[index.fields[i].value].type, pick_object);
    if (!value) return std::nullopt;
    range.prefix.push_back(*std::move(value));
  }
  if (prefix == index.fields.size()) return range;
  const Type& bounded = type.fields[index.fields[prefix].value].type;
  for (auto* bound : {&range.lower, &range.upper}) {
    if (chance(random, 40)) continue;
    auto value = random_value(random, bounded, pick_object);
    if (!value) return std::nullopt;
    *bound = RangeBound{*std::move(value), chance(random, 50) ? RangeBound::Edge::kInclusive
                                                              : RangeBound::Edge::kExclusive};
  }
  return range;
}

std::optional<CellOperation> random_operation(Random& random, FieldId field, const Type& type,
                                              const PickObject& pick_object) {
  const auto value_of = [&](const Type& part) { return *random_value(random, part, pick_object); };
  switch (type.kind) {
    case Type::Kind::kInt:
      return CellOperation{CellOperation::Kind::kAdd,
                           field,
                           Value::integer(static_cast<std::int64_t>(below(random, 3)) - 1),
                           {}};
    case Type::Kind::kList:
      return CellOperation{CellOperation::Kind::kAppend, field, value_of(type.children[0]), {}};
    case Type::Kind::kDict:
      if (chance(random, 40)) {
        return CellOperation{CellOperation::Kind::kErase, field, {}, value_of(type.children[0])};
      }
      return CellOperation{CellOperation::Kind::kInsert, field, value_of(type.children[1]),
                           value_of(type.children[0])};
    default:
      return std::nullopt;
  }
}

const CatalogType& random_type(Random& random, const Catalog& catalog) {
  // Half of all work goes to the first type, Task.
  const std::vector<TypeId> types = catalog.types_of(kSchemaName);
  return *catalog.find(types[chance(random, 50) ? 0 : below(random, types.size())]);
}

}  // namespace odb::sim
