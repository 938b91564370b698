// Members that no type of the database can hold. The compiler names each with its struct.
//
// expect: odb: this member's type has no mapping
// expect: odb::detail::MemberOf<Unmapped, &Unmapped::pointer>
// expect: odb::detail::MemberOf<Point, &Point::letter>
// expect: odb: these two alternatives of a variant look alike when stored
// expect: odb::detail::TwoAlternatives<float, double>
// expect: odb::detail::MemberOf<Alike, &Alike::number>
// expect: odb: two alternatives of a variant have the same unqualified name
// expect: odb::detail::MemberOf<Namesakes, &Namesakes::shape>
// expect: odb: an optional of something that can be none itself
// expect: odb::detail::MemberOf<Doubtful, &Doubtful::maybe>
// expect: odb: this member contains its own struct
// expect: odb::detail::MemberOf<Endless, &Endless::parts>
#include "odb/odb.h"

struct Unmapped {
  std::string title;
  int* pointer = nullptr;
};
BOOST_DESCRIBE_STRUCT(Unmapped, (), (title, pointer))

struct Point {
  char letter = 'a';
};
BOOST_DESCRIBE_STRUCT(Point, (), (letter))
struct Nested {
  std::optional<std::vector<Point>> points;
};
BOOST_DESCRIBE_STRUCT(Nested, (), (points))

struct Alike {
  std::variant<float, double> number;
};
BOOST_DESCRIBE_STRUCT(Alike, (), (number))

namespace flat {
struct Circle {};
BOOST_DESCRIBE_STRUCT(Circle, (), ())
}  // namespace flat
namespace solid {
struct Circle {};
BOOST_DESCRIBE_STRUCT(Circle, (), ())
}  // namespace solid
struct Namesakes {
  std::variant<flat::Circle, solid::Circle> shape;
};
BOOST_DESCRIBE_STRUCT(Namesakes, (), (shape))

struct Doubtful {
  std::optional<std::optional<int>> maybe;
};
BOOST_DESCRIBE_STRUCT(Doubtful, (), (maybe))

struct Endless {
  std::map<std::string, std::vector<Endless>> parts;
};
BOOST_DESCRIBE_STRUCT(Endless, (), (parts))

void use(odb::Schema& schema) {
  schema.define<Unmapped>().define<Nested>().define<Alike>();
  schema.define<Namesakes>().define<Doubtful>().define<Endless>();
}
