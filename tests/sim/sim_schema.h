// The schema that simulated clients use, and random values of its types from small domains.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "odb/client/object_ref.h"
#include "odb/client/schema.h"
#include "odb/core/changeset.h"
#include "odb/core/interest.h"
#include "odb/core/schema.h"
#include "support/random_value.h"

namespace odb::sim {

using test::below;
using test::pick;
using test::Random;

inline bool chance(Random& random, std::uint32_t percent) { return below(random, 100) < percent; }

inline constexpr const char* kSchemaName = "sim";

// Task(title, status, priority, note?, owner? -> Person, log, marks), plain indexes `status` and
// `owner`, compound index `board` (priority, note); Person(name, age, boss? -> Person), unique
// index `name`; Entry(text, task -> Task); Lease(resource, holder? -> core.Connection), plain index
// `resource`, owned by its holder.
const Schema& base_schema();
// The same with a field and an index more on Task, and one type more.
const Schema& grown_schema();

// An object that a reference to this type may name; nothing when there is none.
using PickObject = std::function<std::optional<ObjectId>(TypeId)>;

// Nothing when the type needs a reference and there is no object to refer to.
std::optional<Value> random_value(Random& random, const Type& type, const PickObject& pick_object);
std::optional<std::vector<Value>> random_key(Random& random, const CatalogType& type,
                                             const CatalogIndex& index,
                                             const PickObject& pick_object);

std::optional<IndexRange> random_range(Random& random, const CatalogType& type,
                                       const CatalogIndex& index, const PickObject& pick_object);
// Something that needs no read; nothing when fields of this type have no such operation.
std::optional<CellOperation> random_operation(Random& random, FieldId field, const Type& type,
                                              const PickObject& pick_object);

const CatalogType& random_type(Random& random, const Catalog& catalog);

}  // namespace odb::sim
