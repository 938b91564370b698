// compiles
#include "odb/odb.h"

struct Task {
  std::string title;
  std::vector<odb::Ref<Task>> parts;
};
BOOST_DESCRIBE_STRUCT(Task, (), (title, parts))

void use(odb::Schema& schema, odb::Transaction& transaction, odb::Ref<Task> task) {
  schema.define<Task>(odb::index<&Task::title>());
  transaction.set<&Task::title>(task, "write");
  transaction.lookup<&Task::title>("write");
}
