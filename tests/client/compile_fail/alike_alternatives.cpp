// expect: odb: these two alternatives of a variant look alike when stored
// expect: odb::detail::TwoAlternatives<float, double>
// expect: odb::detail::MemberOf<Task, &Task::number>
#include "odb/odb.h"

struct Task {
  std::variant<float, double> number;
};
BOOST_DESCRIBE_STRUCT(Task, (), (number))

void use(odb::Schema& schema) { schema.define<Task>(); }
