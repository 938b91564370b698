// Whether what a client holds is what the model says it should hold.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/model.h"
#include "odb/client/detail/snapshot.h"
#include "odb/core/interest.h"
#include "sim_schema.h"

namespace odb::sim {

struct HeldInterest {
  Interest interest;
  bool loaded = false;
};

// What a client created: its own to see, once its commit has taken effect.
struct CreatedObject {
  Sequence sequence;
  std::optional<Version> version;  // nothing: not known to have taken effect
};
using CreatedObjects = std::map<ObjectRef, CreatedObject>;

// Whether an interest holds this object as it is.
bool covers(const Interest& interest, const Catalog& catalog, ObjectRef object,
            const Fields& fields);
// Whether it holds everything that a question could be about.
bool covers_type(const Interest& interest, const Catalog& catalog, TypeId type);
bool covers_key(const Interest& interest, const Catalog& catalog, const CatalogIndex& index,
                const std::vector<Value>& key);
bool covers_range(const Interest& interest, const Catalog& catalog, const CatalogIndex& index,
                  const KeySpan& span);
bool covers_object(const Interest& interest, const Catalog& catalog, ObjectRef object);

// A sentence when a snapshot of a client's cache is not the model at the same version, restricted
// to the client's interests and what it created: every object that a loaded one covers is there,
// none that no interest covers, all fields are right, and index look-ups agree with the fields.
std::optional<std::string> check_snapshot(const Model& model, const detail::Snapshot& snapshot,
                                          const std::vector<HeldInterest>& interests,
                                          const CreatedObjects& created, Random& random);

// Everything that a snapshot shows as one number, to see that it stays.
std::uint64_t digest(const detail::Snapshot& snapshot);

}  // namespace odb::sim
