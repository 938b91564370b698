// Session: one connection as the binding sees it, shared by the views made from it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "odb/client/database.h"
#include "python.h"
#include "type_definition.h"

namespace odb::python {

// All members need the GIL; those that wait release it.
class Session {
 public:
  static std::shared_ptr<Session> connect(std::vector<ServerAddress> servers,
                                          const std::string& token, ConnectOptions options);
  static std::shared_ptr<Session> connect_over(int descriptor, const std::string& token,
                                               ConnectOptions options);
  explicit Session(Database database);
  // Disconnects. In a forked child it leaves everything as it is: the parent goes on using it.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The database. Raises in a forked child.
  Database& database() {
    check_process();
    return *database_;
  }
  bool is_forked() const { return forks_ != forks_of_process(); }
  void check_process() const {
    if (is_forked()) [[unlikely]]
      refuse_forked();
  }

  std::shared_ptr<Bindings> bindings(const detail::ClientCatalog& catalog);

  // Makes the server know these types; of references to other schemas the targets must be known
  // before. Fields that refer to the schemas in `without`, and types that have no others, are left
  // out.
  void define(const std::string& schema, const std::vector<const TypeDefinition*>& types,
              std::optional<std::chrono::milliseconds> timeout,
              const std::set<std::string>& without);
  // The definition given to define() under this name; null when there is none.
  const TypeDefinition* find(const TypeName& name) const;

  void disconnect();

  static void disconnect_all();  // and stops all callbacks: the interpreter is about to end

 private:
  static std::shared_ptr<Session> open(ConnectOptions options,
                                       const std::function<Database(ConnectOptions)>& connect);
  static int forks_of_process();
  [[noreturn]] static void refuse_forked();

  std::unique_ptr<Database> database_;
  int forks_;
  std::shared_ptr<Bindings> bindings_;
  std::map<TypeName, const TypeDefinition*> types_;
};

}  // namespace odb::python
