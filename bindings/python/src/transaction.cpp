#include "changes.h"
#include "conflicts.h"
#include "errors.h"
#include "object_handle.h"
#include "view.h"
#include "waiting.h"

namespace odb::python {

const Value* Construction::find(FieldId field) const {
  for (const auto& [id, value] : fields) {
    if (id == field) return &value;
  }
  return nullptr;
}

void Construction::set(FieldId field, Value value) {
  for (auto& [id, old] : fields) {
    if (id != field) continue;
    old = std::move(value);
    return;
  }
  fields.emplace_back(field, std::move(value));
}

PyTransaction::PyTransaction(std::shared_ptr<Session> session, py::object connection,
                             std::optional<Version> version)
    : PyView(std::move(session), std::move(connection), ForTransaction{}) {
  release_dropped_callbacks();
  Database& db = session_->database();
  transaction_ =
      std::make_unique<Transaction>(version ? db.transaction(*version) : db.transaction());
  prepare(transaction_->state().snapshot());
}

PyTransaction::~PyTransaction() {
  if (session_->is_forked()) static_cast<void>(transaction_.release());
}

Transaction& PyTransaction::transaction() {
  if (transaction_ == nullptr) [[unlikely]] {
    raise_usage("the transaction has ended: begin a new one");
  }
  if (in_use_) [[unlikely]] {
    raise_usage("the transaction is in use by another thread, which waits for the server");
  }
  return *transaction_;
}

const Value& PyTransaction::get(const Binding& binding, ObjectId object, std::size_t field) {
  return Use(*this)->get({binding.type->id, object}, binding.fields[field]);
}

bool PyTransaction::exists(const Binding& binding, ObjectId object) {
  return Use(*this)->exists({binding.type->id, object});
}

std::vector<ObjectRef> PyTransaction::all(const Binding& binding) {
  return Use(*this)->all(binding.type->id);
}

std::vector<ObjectRef> PyTransaction::lookup(const Binding& binding, std::size_t index,
                                             std::span<const Value> values) {
  std::vector<ObjectRef> found = Use(*this)->lookup(binding.indexes[index], values);
  index_reads_.push_back({&binding, index, {values.begin(), values.end()}, false, {}, {}});
  return found;
}

std::vector<ObjectRef> PyTransaction::range(const Binding& binding, const RangeQuery& query) {
  std::vector<ObjectRef> found = Use(*this)->range(query.range(binding), query.options);
  note_range(binding, query);
  return found;
}

std::size_t PyTransaction::count(const Binding& binding, const RangeQuery& query) {
  const std::size_t count = Use(*this)->count(query.range(binding));
  note_range(binding, query);
  return count;
}

void PyTransaction::note_range(const Binding& binding, const RangeQuery& query) {
  const bool is_one_key =
      query.prefix.size() == binding.definition->indexes()[query.index].fields.size();
  index_reads_.push_back(
      {&binding, query.index, query.prefix, !is_one_key, query.lower, query.upper});
}

void PyTransaction::load(std::span<const ObjectRef> objects) const {
  if (transaction_ == nullptr) raise_usage("the transaction has ended: begin a new one");
  View(transaction_->state().shared_snapshot()).load(objects);
}

void PyTransaction::set(const Binding& binding, ObjectId object, std::size_t field, Value value) {
  transaction().set({binding.type->id, object}, binding.fields[field], std::move(value));
}

void PyTransaction::apply(const Binding& binding, ObjectId object, CellOperation operation) {
  transaction().state().apply({binding.type->id, object}, std::move(operation));
}

void PyTransaction::mark_field(const Binding& binding, ObjectId object, std::size_t field) {
  transaction().mark_read({binding.type->id, object}, binding.fields[field]);
}

void PyTransaction::mark_index(const Binding& binding, std::size_t index,
                               std::vector<Value> values) {
  transaction().mark_read(binding.indexes[index], values);
  index_reads_.push_back({&binding, index, std::move(values), false, {}, {}});
}

// ---- construction ----

Construction& PyTransaction::begin_construction(ObjectHandle* handle, const Binding& binding) {
  transaction();
  constructions_.push_back(std::make_unique<Construction>(Construction{handle, &binding, {}}));
  constructions_.back()->fields.reserve(binding.fields.size());
  return *constructions_.back();
}

Construction* PyTransaction::find_construction(const ObjectHandle* handle) {
  for (auto at = constructions_.rbegin(); at != constructions_.rend(); ++at) {
    if ((*at)->handle == handle) return at->get();
  }
  return nullptr;
}

void PyTransaction::create(Construction& construction) {
  const Binding& binding = *construction.binding;
  for (const std::size_t position : binding.required) {
    if (construction.find(binding.fields[position]) != nullptr) continue;
    binding.definition->refuse_without_default(position, "must be given");
  }
  if (!binding.undeclared_required.empty()) [[unlikely]] {
    const FieldId field = *binding.type->find_field(binding.undeclared_required);
    binding.definition->refuse_without_default(
        binding.undeclared_required, to_string(binding.type->fields[field.value].type),
        "must be given, and this program does not declare it");
  }
  const ObjectRef created = Use(*this)->create(binding.type->id, std::move(construction.fields));
  construction.handle->identity = created.object.value;
}

void PyTransaction::finish_construction(ObjectHandle* handle) {
  Construction* const construction = find_construction(handle);
  if (construction == nullptr) raise_usage("the object's construction failed");
  try {
    if (handle->identity == 0) create(*construction);
  } catch (...) {
    abandon_construction(handle);
    throw;
  }
  std::erase_if(constructions_, [&](const auto& each) { return each->handle == handle; });
}

void PyTransaction::abandon_construction(ObjectHandle* handle) {
  const Construction* const construction = find_construction(handle);
  if (construction == nullptr) return;
  const TypeId type = construction->binding->type->id;
  std::erase_if(constructions_, [&](const auto& each) { return each->handle == handle; });
  // Created early, because something refers to it.
  if (handle->identity != 0 && transaction_ != nullptr) {
    transaction_->remove({type, ObjectId{handle->identity}});
  }
}

void PyTransaction::remove(PyObject* handle, const Binding& binding, ObjectId object) {
  const bool is_running =
      std::find(in_deletion_.begin(), in_deletion_.end(), object) != in_deletion_.end();
  const py::object on_delete = binding.definition->on_delete();
  if (!is_running && !on_delete.is_none()) {
    struct Mark {
      std::vector<ObjectId>& marks;
      ~Mark() { marks.pop_back(); }
    };
    in_deletion_.push_back(object);
    const Mark mark{in_deletion_};
    on_delete(borrow(handle));
  } else if (is_running) {
    return;  // __del__ deletes its own object: that is what happens anyway
  }
  transaction().remove({binding.type->id, object});
}

// ---- the end ----

void PyTransaction::set_confirmation(py::object callback) {
  if (PyCallable_Check(callback.ptr()) == 0) {
    raise_type_error("onConfirmed takes a function of one argument");
  }
  confirmation_ = std::make_shared<Callback>(std::move(callback));
}

void PyTransaction::set_timeout(std::optional<double> seconds) { timeout_ = to_timeout(seconds); }

void PyTransaction::end() { transaction_.reset(); }

// Once, before the read set goes.
std::shared_ptr<ReadRecorder> PyTransaction::tell_reads() {
  std::shared_ptr<ReadRecorder> recorder = std::move(recorder_);
  if (recorder == nullptr) return nullptr;
  const Use use(*this);
  if (!recorder->add(*transaction_)) return nullptr;
  return recorder;
}

void PyTransaction::exit(bool has_exception) {
  leave_current();
  if (transaction_ == nullptr) return;
  if (session_->is_forked()) {
    static_cast<void>(transaction_.release());
    session_->check_process();
  }
  tell_reads();
  if (has_exception || !commits_) {
    tell_watchers();
    return end();
  }
  commit();
}

void PyTransaction::commit() {
  session_->check_process();
  transaction();
  const std::shared_ptr<ReadRecorder> unsettled = tell_reads();
  if (!constructions_.empty()) raise_usage("a transaction cannot commit inside __init__");
  tell_watchers();
  const bool has_writes = transaction().state().has_writes();  // a watcher may have ended it
  if (confirmation_ != nullptr || !waits_) return commit_in_background();
  commit_waiting();
  if (unsettled != nullptr && has_writes) unsettled->settle();
}

void PyTransaction::commit_waiting() {
  const std::unique_ptr<Transaction> ending = std::move(transaction_);
  if (!ending->state().has_writes()) {
    ending->commit(timeout_);
    return;
  }
  try {
    without_gil([&] { ending->commit(timeout_); });
  } catch (const ConflictError& error) {
    const py::object exception = conflict_exception(*session_, *bindings_, error.conflict());
    PyErr_SetObject(as_object(Py_TYPE(exception.ptr())), exception.ptr());
    throw py::error_already_set();
  }
}

void PyTransaction::commit_in_background() {
  const std::unique_ptr<Transaction> ending = std::move(transaction_);
  ending->commit_async([callback = confirmation_,
                        catalog = bindings_->shared_catalog()](const CommitOutcome& outcome) {
    if (callback == nullptr) return;
    callback->run([&](const py::object& call) { call(outcome_to_python(outcome, *catalog)); });
  });
}

}  // namespace odb::python
