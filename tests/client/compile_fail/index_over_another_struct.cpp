// expect: odb::detail::MemberOf<Task, &Person::name>
// expect: odb: this member is not among the described members
#include "odb/odb.h"

struct Person {
  std::string name;
};
BOOST_DESCRIBE_STRUCT(Person, (), (name))
struct Task {
  std::string title;
};
BOOST_DESCRIBE_STRUCT(Task, (), (title))

void use(odb::Schema& schema) { schema.define<Task>(odb::index<&Person::name>()); }
