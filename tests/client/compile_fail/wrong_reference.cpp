// expect: odb: this value does not convert to the member's type
// expect: &Task::parent
#include "odb/odb.h"

struct Person {
  std::string name;
};
BOOST_DESCRIBE_STRUCT(Person, (), (name))
struct Task {
  std::optional<odb::Ref<Task>> parent;
};
BOOST_DESCRIBE_STRUCT(Task, (), (parent))

void use(odb::Transaction& transaction, odb::Ref<Task> task, odb::Ref<Person> person) {
  transaction.set<&Task::parent>(task, person);
}
