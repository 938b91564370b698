// expect: odb: this member contains its own struct
// expect: odb::detail::MemberOf<Task, &Task::parts>
#include "odb/odb.h"

struct Task {
  std::map<std::string, std::vector<Task>> parts;
};
BOOST_DESCRIBE_STRUCT(Task, (), (parts))

void use(odb::Schema& schema) { schema.define<Task>(); }
