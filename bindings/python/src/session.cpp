#include "session.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>

#include "callback.h"
#include "errors.h"
#include "waiting.h"

namespace odb::python {
namespace {

std::atomic<int> forks = 0;

// Under the GIL. Never destroyed: the interpreter ends before the process does.
std::vector<std::weak_ptr<Session>>& sessions() {
  static auto& all = *new std::vector<std::weak_ptr<Session>>;
  return all;
}

bool is_main_thread() {
  static const unsigned long main = [] {
    const py::object thread = py::module_::import("threading").attr("main_thread")();
    return thread.attr("ident").cast<unsigned long>();
  }();
  return PyThread_get_thread_ident() == main;
}

// Runs on a thread that waits: lets Ctrl-C and other signals end the wait.
void check_signals() {
  if (is_shutting_down()) refuse_to_wait();
  if (!is_main_thread()) return;
  py::gil_scoped_acquire gil;
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

// Around the waits inside reads, which are entered with the GIL or without.
void wait_without_gil(const std::function<void()>& wait) {
  if (PyGILState_Check() == 0) return wait();
  without_gil(wait);
}

}  // namespace

int Session::forks_of_process() { return forks.load(std::memory_order_relaxed); }

std::shared_ptr<Session> Session::connect(std::vector<ServerAddress> servers,
                                          const std::string& token, ConnectOptions options) {
  return open(std::move(options), [&](ConnectOptions prepared) {
    return odb::connect(std::move(servers), token, std::move(prepared));
  });
}

std::shared_ptr<Session> Session::connect_over(int descriptor, const std::string& token,
                                               ConnectOptions options) {
  return open(std::move(options), [&](ConnectOptions prepared) {
    return odb::connect_over(descriptor, token, std::move(prepared));
  });
}

std::shared_ptr<Session> Session::open(ConnectOptions options,
                                       const std::function<Database(ConnectOptions)>& connect) {
  static const int registered =
      pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
  static_cast<void>(registered);
  is_main_thread();  // asks Python for it while this thread has the GIL
  options.while_waiting = check_signals;
  options.around_wait = wait_without_gil;
  auto session =
      std::make_shared<Session>(without_gil([&] { return connect(std::move(options)); }));
  auto& all = sessions();
  std::erase_if(all, [](const auto& weak) { return weak.expired(); });
  all.push_back(session);
  return session;
}

Session::Session(Database database)
    : database_(std::make_unique<Database>(std::move(database))), forks_(forks_of_process()) {}

Session::~Session() {
  if (is_forked()) {
    static_cast<void>(database_.release());
    return;
  }
  if (Callback::is_running_here()) {
    // The database waits for its own thread, which is this one: end it from another.
    std::thread([database = std::move(database_)] {}).detach();
    return;
  }
  const GilReleased released;
  database_.reset();
}

void Session::refuse_forked() {
  raise("DisconnectedException",
        "this connection was made before the process forked: connect again in the child");
}

std::shared_ptr<Bindings> Session::bindings(const detail::ClientCatalog& catalog) {
  if (bindings_ == nullptr || !bindings_->is_of(catalog)) {
    bindings_ = std::make_shared<Bindings>(catalog);
  }
  return bindings_;
}

void Session::define(const std::string& schema, const std::vector<const TypeDefinition*>& types,
                     std::optional<std::chrono::milliseconds> timeout,
                     const std::set<std::string>& without) {
  std::set<TypeName> omitted;
  const auto omits = [&](const TypeName& name) {
    return without.contains(name.schema) || omitted.contains(name);
  };
  const auto becomes_empty = [&](const TypeDefinition* type) {
    return !omitted.contains(type->name()) && type->declaration(omits).fields.empty();
  };
  for (auto empty = types.begin(); empty != types.end();) {
    empty = std::find_if(types.begin(), types.end(), becomes_empty);
    if (empty != types.end()) omitted.insert((*empty)->name());
  }
  Schema declared(schema);
  for (const TypeDefinition* const type : types) {
    if (!omitted.contains(type->name())) declared.define(type->declaration(omits));
  }
  Database& db = database();
  without_gil([&] { db.define(declared, timeout); });
  for (const TypeDefinition* const type : types) types_.emplace(type->name(), type);
}

const TypeDefinition* Session::find(const TypeName& name) const {
  const auto found = types_.find(name);
  return found == types_.end() ? nullptr : found->second;
}

void Session::disconnect() {
  check_process();
  const GilReleased released;
  database_->disconnect();
}

void Session::disconnect_all() {
  begin_shutdown();
  for (const std::weak_ptr<Session>& weak : std::vector(sessions())) {
    const std::shared_ptr<Session> session = weak.lock();
    if (session != nullptr && !session->is_forked()) session->disconnect();
  }
  Callback::close_all();
  await_waiting_threads();
}

}  // namespace odb::python
