// expect: odb: this value does not convert to the member's type
// expect: &Task::priority
#include "odb/odb.h"

struct Task {
  int priority = 0;
};
BOOST_DESCRIBE_STRUCT(Task, (), (priority))

void use(odb::Transaction& transaction, odb::Ref<Task> task) {
  transaction.set<&Task::priority>(task, 2.5);
}
