// Uses of members that the compiler refuses, naming struct and member.
//
// expect: odb: only a struct with BOOST_DESCRIBE_STRUCT can be defined as a type
// expect: Undescribed
// expect: odb: this member is not among the described members
// expect: odb::detail::MemberOf<Task, &Task::forgotten>
// expect: odb::detail::MemberOf<Task, &Person::name>
// expect: odb: this member's type has no mapping
// expect: odb::detail::MemberOf<Person, &Person::pointer>
// expect: odb: this value does not convert to the member's type
// expect: &Task::priority
// expect: &Task::parent
#include "odb/odb.h"

struct Undescribed {
  std::string title;
};

struct Person {
  std::string name;
  int* pointer = nullptr;
};
BOOST_DESCRIBE_STRUCT(Person, (), (name, pointer))

struct Task {
  int priority = 0;
  std::optional<odb::Ref<Task>> parent;
  std::string forgotten;
};
BOOST_DESCRIBE_STRUCT(Task, (), (priority, parent))

void define(odb::Schema& schema) {
  schema.define<Undescribed>();
  schema.define<Task>(odb::index<&Person::name>());
}
void read(const odb::View& view, odb::Ref<Task> task, odb::Ref<Person> person) {
  view.get<&Task::forgotten>(task);
  view.get<&Person::pointer>(person);
}
void write(odb::Transaction& transaction, odb::Ref<Task> task, odb::Ref<Person> person) {
  transaction.set<&Task::priority>(task, 2.5);
  transaction.set<&Task::parent>(task, person);
}
