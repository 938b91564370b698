// expect: odb: an optional of something that can be none itself
// expect: odb::detail::MemberOf<Task, &Task::maybe>
#include "odb/odb.h"

struct Task {
  std::optional<std::optional<int>> maybe;
};
BOOST_DESCRIBE_STRUCT(Task, (), (maybe))

void use(odb::Schema& schema) { schema.define<Task>(); }
