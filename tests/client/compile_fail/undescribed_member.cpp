// expect: odb::detail::MemberOf<Task, &Task::note>
// expect: odb: this member is not among the described members
#include "odb/odb.h"

struct Task {
  std::string title;
  std::string note;
};
BOOST_DESCRIBE_STRUCT(Task, (), (title))

auto use(const odb::View& view, odb::Ref<Task> task) { return view.get<&Task::note>(task); }
