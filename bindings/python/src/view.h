// View and Transaction as Python sees them.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "callback.h"
#include "current.h"
#include "lookup_range.h"
#include "odb/client/transaction.h"
#include "odb/client/view.h"
#include "read_recorder.h"
#include "session.h"

namespace odb::python {

struct ObjectHandle;

// Guarded by the GIL. May be entered several times, by several threads and tasks.
class PyView {
 public:
  // At the newest version, or at this older one.
  PyView(std::shared_ptr<Session> session, py::object connection, std::optional<Version> version);
  virtual ~PyView();
  PyView(const PyView&) = delete;
  PyView& operator=(const PyView&) = delete;

  virtual bool is_transaction() const { return false; }
  Session& session() const { return *session_; }
  const py::object& connection() const { return connection_; }
  Version version() const { return version_; }
  Bindings& bindings() const { return *bindings_; }
  const std::shared_ptr<Bindings>& shared_bindings() const { return bindings_; }

  // What it reads from. Raises when a transaction has ended.
  virtual const detail::Snapshot& snapshot() { return view_->snapshot(); }

  // What objects do; `binding` is of bindings().
  virtual const Value& get(const Binding& binding, ObjectId object, std::size_t field);
  virtual bool exists(const Binding& binding, ObjectId object);
  virtual std::vector<ObjectRef> all(const Binding& binding);
  virtual std::vector<ObjectRef> lookup(const Binding& binding, std::size_t index,
                                        std::span<const Value> values);

  virtual std::vector<ObjectRef> range(const Binding& binding, const RangeQuery& query);
  virtual std::size_t count(const Binding& binding, const RangeQuery& query);
  // Reads by hand, which only a transaction remembers.
  virtual void mark_field(const Binding&, ObjectId, std::size_t) {}
  virtual void mark_index(const Binding&, std::size_t, std::vector<Value>) {}
  // Fetches what is not loaded yet of these objects, in one round trip for each type.
  virtual void load(std::span<const ObjectRef> objects) const { view_->load(objects); }

  void enter(PyObject* self);
  virtual void exit(bool has_exception);

  // Called with this view when it ends, after those of the connection. Exceptions go to
  // sys.unraisablehook.
  void add_watcher(py::object watcher);
  // Of a view: what it shows. Null in a transaction.
  const View* shown() const { return view_.get(); }

 protected:
  struct ForTransaction {};
  PyView(std::shared_ptr<Session> session, py::object connection, ForTransaction);
  void prepare(const detail::Snapshot& snapshot);
  void leave_current();
  void tell_watchers();
  void record_range(const IndexRange& range);
  void record_range(const IndexRange& range, const RangeOptions& options,
                    std::span<const ObjectRef> found);

  std::shared_ptr<Session> session_;
  py::object connection_;
  std::unique_ptr<View> view_;  // null in a transaction
  std::shared_ptr<Bindings> bindings_;
  Version version_;
  std::shared_ptr<ReadRecorder> recorder_;  // of the reactor that it was made for; mostly null
  std::vector<py::object> watchers_;
  std::vector<py::object> entries_;  // CurrentView, one for each place where it is entered
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
  std::vector<Value> values;  // of a range: its prefix
  bool is_range = false;
  std::optional<RangeBound> lower;
  std::optional<RangeBound> upper;
};

class PyTransaction : public PyView {
 public:
  PyTransaction(std::shared_ptr<Session> session, py::object connection,
                std::optional<Version> version);
  ~PyTransaction() override;

  bool is_transaction() const override { return true; }
  // Raises when it has ended, or while another thread waits in it.
  Transaction& transaction();

  // Around what may wait for the server: others have the GIL then, and must keep away.
  class Use {
   public:
    explicit Use(PyTransaction& transaction)
        : in_use_(transaction.in_use_), transaction_(transaction.transaction()) {
      in_use_ = true;
    }
    ~Use() { in_use_ = false; }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    Transaction* operator->() const { return &transaction_; }

   private:
    bool& in_use_;
    Transaction& transaction_;
  };
  bool has_ended() const { return transaction_ == nullptr; }
  const detail::Snapshot& snapshot() override { return transaction().state().snapshot(); }

  const Value& get(const Binding& binding, ObjectId object, std::size_t field) override;
  bool exists(const Binding& binding, ObjectId object) override;
  std::vector<ObjectRef> all(const Binding& binding) override;
  std::vector<ObjectRef> lookup(const Binding& binding, std::size_t index,
                                std::span<const Value> values) override;
  std::vector<ObjectRef> range(const Binding& binding, const RangeQuery& query) override;
  std::size_t count(const Binding& binding, const RangeQuery& query) override;
  void load(std::span<const ObjectRef> objects) const override;
  void set(const Binding& binding, ObjectId object, std::size_t field, Value value);
  void apply(const Binding& binding, ObjectId object, CellOperation operation);
  void mark_field(const Binding& binding, ObjectId object, std::size_t field) override;
  void mark_index(const Binding& binding, std::size_t index, std::vector<Value> values) override;

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
  // As exit(), without waiting. When it returns true the commit is under way and `done` will be
  // called once, on any thread: with None, or with the exception that commit() would have raised.
  bool exit_async(bool has_exception, py::object done);

  void set_confirmation(py::object callback);
  void set_nocommit() { commits_ = false; }
  void set_noconfirm() { waits_ = false; }
  void set_timeout(std::optional<double> seconds);
  std::optional<double> timeout_seconds() const {
    if (!timeout_) return std::nullopt;
    return std::chrono::duration<double>(*timeout_).count();
  }

  const std::vector<IndexReadRecord>& index_reads() const { return index_reads_; }

 private:
  void note_range(const Binding& binding, const RangeQuery& query);
  void end();
  // Whether they are settled only by the commit, see ReadRecorder.
  std::shared_ptr<ReadRecorder> tell_reads();
  void commit_waiting();
  void commit_in_background();

  std::unique_ptr<Transaction> transaction_;  // null once it has ended
  std::vector<std::unique_ptr<Construction>> constructions_;
  std::vector<ObjectId> in_deletion_;
  std::vector<IndexReadRecord> index_reads_;
  bool in_use_ = false;
  bool commits_ = true;
  bool waits_ = true;
  std::shared_ptr<Callback> confirmation_;
  std::optional<std::chrono::milliseconds> timeout_;
};

// Seconds, as Python gives timeouts; nothing for None. Raises when it is negative or NaN.
std::optional<std::chrono::milliseconds> to_timeout(std::optional<double> seconds);

void register_views(py::module_& module);

}  // namespace odb::python
