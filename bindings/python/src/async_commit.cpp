// How a transaction ends in a coroutine: its outcome comes to a callback, and nothing waits here.
#include "conflicts.h"
#include "errors.h"
#include "view.h"

namespace odb::python {

bool PyTransaction::exit_async(bool has_exception, py::object done) {
  leave_current();
  if (transaction_ == nullptr) return false;
  if (session_->is_forked()) {
    static_cast<void>(transaction_.release());
    session_->check_process();
  }
  tell_reads();
  if (has_exception || !commits_) {
    tell_watchers();
    end();
    return false;
  }
  if (!constructions_.empty()) raise_usage("a transaction cannot commit inside __init__");
  tell_watchers();
  transaction();  // still: a watcher may have ended it
  if (!waits_) {
    commit_in_background();
    return false;
  }
  const std::unique_ptr<Transaction> ending = std::move(transaction_);
  ending->commit_async(
      [confirmed = confirmation_, finished = std::make_shared<Callback>(std::move(done)),
       session = std::weak_ptr(session_), bindings = bindings_](const CommitOutcome& outcome) {
        if (confirmed != nullptr) {
          confirmed->run([&](const py::object& call) {
            call(outcome_to_python(outcome, bindings->catalog()));
          });
        }
        finished->run([&](const py::object& call) {
          call(outcome_exception(session.lock().get(), outcome, *bindings));
        });
      });
  return true;
}

}  // namespace odb::python
