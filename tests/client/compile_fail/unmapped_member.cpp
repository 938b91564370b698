// expect: odb::detail::MemberOf<Task, &Task::pointer>
// expect: odb: this member's type has no mapping
#include "odb/odb.h"

struct Task {
  std::string title;
  int* pointer = nullptr;
};
BOOST_DESCRIBE_STRUCT(Task, (), (title, pointer))

void use(odb::Schema& schema) { schema.define<Task>(); }
