// expect: odb::detail::MemberOf<Point, &Point::letter>
// expect: odb: this member's type has no mapping
#include "odb/odb.h"

struct Point {
  char letter = 'a';
};
BOOST_DESCRIBE_STRUCT(Point, (), (letter))
struct Task {
  std::optional<std::vector<Point>> points;
};
BOOST_DESCRIBE_STRUCT(Task, (), (points))

void use(odb::Schema& schema) { schema.define<Task>(); }
