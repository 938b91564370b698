// expect: odb::detail::MemberOf<Task, &Task::pointer>
// expect: odb: this member's type has no mapping
#include "odb/odb.h"

struct Task {
  int* pointer = nullptr;
};
BOOST_DESCRIBE_STRUCT(Task, (), (pointer))

auto use(const odb::View& view, odb::Ref<Task> task) { return view.get<&Task::pointer>(task); }
