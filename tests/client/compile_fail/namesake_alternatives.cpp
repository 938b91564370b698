// expect: odb: two alternatives of a variant have the same unqualified name
// expect: odb::detail::MemberOf<Task, &Task::shape>
#include "odb/odb.h"

namespace flat {
struct Circle {};
BOOST_DESCRIBE_STRUCT(Circle, (), ())
}  // namespace flat
namespace circular {
struct Circle {};
BOOST_DESCRIBE_STRUCT(Circle, (), ())
}  // namespace circular
struct Task {
  std::variant<flat::Circle, circular::Circle> shape;
};
BOOST_DESCRIBE_STRUCT(Task, (), (shape))

void use(odb::Schema& schema) { schema.define<Task>(); }
