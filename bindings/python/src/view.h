// View and Transaction as Python sees them.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "callback.h"
#include "current.h"
#include "odb/client/transaction.h"
#include "odb/client/view.h"
#include "read_recorder.h"
#include "session.h"

namespace odb::python {

struct ObjectHandle;

// Guarded by the GIL. May be entered several times, by several threads and tasks.
class PyView {
 public:
  PyView(std::shared_ptr<Session> session, py::object connection);
  virtual ~PyView();
  PyView(const PyView&) = delete;
  PyView& operator=(const PyView&) = delete;

  virtual bool is_transaction() const { return false; }
  Session& session() const { return *session_; }
  const py::object& connection() const { return connection_; }
  Version version() const { return version_; }
  Bindings& bindings() const { return *bindings_; }
  const std::shared_ptr<Bindings>& shared_bindings() const { return bindings_; }

  // What objects do; `binding` is of bindings().
  virtual const Value& get(const Binding& binding, ObjectId object, std::size_t field);
  virtual bool exists(const Binding& binding, ObjectId object);
  virtual std::vector<ObjectRef> all(const Binding& binding);
  virtual std::vector<ObjectRef> lookup(const Binding& binding, std::size_t index,
                                        std::span<const Value> values);

  void enter(PyObject* self);
  virtual void exit(bool has_exception);

 protected:
  struct ForTransaction {};
  PyView(std::shared_ptr<Session> session, py::object connection, ForTransaction);
  void prepare(const detail::Snapshot& snapshot);
  void leave_current();

  std::shared_ptr<Session> session_;
  py::object connection_;
  std::unique_ptr<View> view_;  // null in a transaction
  std::shared_ptr<Bindings> bindings_;
  Version version_;
  std::shared_ptr<ReadRecorder> recorder_;  // of the reactor that it was made for; mostly null
  std::vector<py::object> entries_;         // CurrentView, one for each place where it is entered
};

// An object between its construction and the moment when the transaction creates it: after
// __init__, or when it is first used as a reference.
struct Construction {
  ObjectHandle* handle = nullptr;
  const Binding* binding = nullptr;
  std::vector<std::pair<FieldId, Value>> fields;

  const Value* find(FieldId field) const;
  void set(FieldId field, Value value);
};

struct IndexReadRecord {
  const Binding* binding = nullptr;
  std::size_t index = 0;
  std::vector<Value> values;
};

class PyTransaction : public PyView {
 public:
  PyTransaction(std::shared_ptr<Session> session, py::object connection);
  ~PyTransaction() override;

  bool is_transaction() const override { return true; }
  Transaction& transaction();  // raises when it has ended

  const Value& get(const Binding& binding, ObjectId object, std::size_t field) override;
  bool exists(const Binding& binding, ObjectId object) override;
  std::vector<ObjectRef> all(const Binding& binding) override;
  std::vector<ObjectRef> lookup(const Binding& binding, std::size_t index,
                                std::span<const Value> values) override;
  void set(const Binding& binding, ObjectId object, std::size_t field, Value value);

  // ---- construction: begin, __init__, finish or abandon; nests ----
  Construction& begin_construction(ObjectHandle* handle, const Binding& binding);
  void finish_construction(ObjectHandle* handle);
  void abandon_construction(ObjectHandle* handle);
  Construction* find_construction(const ObjectHandle* handle);
  void create(Construction& construction);

  // Runs the class's __del__, then deletes.
  void remove(PyObject* handle, const Binding& binding, ObjectId object);

  void exit(bool has_exception) override;
  void commit();

  void set_confirmation(py::object callback);
  void set_nocommit() { commits_ = false; }
  void set_noconfirm() { waits_ = false; }
  void set_timeout(std::optional<double> seconds);

  const std::vector<IndexReadRecord>& index_reads() const { return index_reads_; }

 private:
  void end();
  void tell_reads();
  void commit_waiting();
  void commit_in_background();

  std::unique_ptr<Transaction> transaction_;  // null once it has ended
  std::vector<std::unique_ptr<Construction>> constructions_;
  std::vector<ObjectId> in_deletion_;
  std::vector<IndexReadRecord> index_reads_;
  bool commits_ = true;
  bool waits_ = true;
  std::shared_ptr<Callback> confirmation_;
  std::optional<std::chrono::milliseconds> timeout_;
};

// Seconds, as Python gives timeouts; nothing for None. Raises when it is negative or NaN.
std::optional<std::chrono::milliseconds> to_timeout(std::optional<double> seconds);

void register_views(py::module_& module);

}  // namespace odb::python
