#include "model/grace_check.h"

#include "odb/core/core_schema.h"

namespace odb::sim {

void GraceCheck::on_broken(ObjectId connection, Time now) {
  const auto found = may_end_.find(connection);
  if (found != may_end_.end() && found->second == Time::max()) found->second = now + least_;
}

void GraceCheck::on_server_started(Time now) {
  for (auto& [connection, may_end] : may_end_) {
    if (may_end != Time::min()) may_end = now + least_;
  }
}

std::optional<std::string> GraceCheck::check(const Model& model, const CommitRecord& record,
                                             Time now) const {
  const CatalogType* type = model.catalog().find(connection_type_name());
  if (type == nullptr) return std::nullopt;
  for (const ObjectChange& change : record.changes.objects) {
    if (change.type != type->id || change.kind != ObjectChange::Kind::kDelete) continue;
    const auto found = may_end_.find(change.object);
    if (found == may_end_.end() || now >= found->second) continue;
    return "version " + std::to_string(record.version.value) + " ends connection " +
           std::to_string(change.object.value) +
           (found->second == Time::max() ? " while its client is connected"
                                         : " before its grace period is over");
  }
  return std::nullopt;
}

}  // namespace odb::sim
