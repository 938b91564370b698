// expect: odb: two alternatives of a variant have the same unqualified name
// expect: odb::detail::MemberOf<Task, &Task::shape>
#include "odb/odb.h"

namespace flat {
struct Circle {};
BOOST_DESCRIBE_STRUCT(Circle, (), ())
}  // namespace flat
namespace round {
struct Circle {};
BOOST_DESCRIBE_STRUCT(Circle, (), ())
}  // namespace round
struct Task {
  std::variant<flat::Circle, round::Circle> shape;
};
BOOST_DESCRIBE_STRUCT(Task, (), (shape))

void use(odb::Schema& schema) { schema.define<Task>(); }
