// expect: odb: only a struct with BOOST_DESCRIBE_STRUCT can be defined as a type
// expect: define<Task>
#include "odb/odb.h"

struct Task {
  std::string title;
};

void use(odb::Schema& schema) { schema.define<Task>(); }
