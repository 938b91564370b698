// An Alternative whose fields hold values of itself: an expression tree, say.
//
// Types of the database are trees, so such a value is stored as a list of nodes, its root first.
// Where a node holds another there stands a struct of one integer, `node`: the place in the list,
// always a later one than the holder's; 0 stands for the Alternative's default. The empty list is
// the default as a whole.
#pragma once

#include <memory>
#include <vector>

#include "codec.h"

namespace odb::python {

// Nodes of one stored value.
inline constexpr std::size_t kNodesMax = 65'536;

// The objects that the places in one value stand for, while that value is converted on this thread.
class Nodes {
 public:
  Nodes();  // becomes the current one; at place 0 stands nothing
  ~Nodes();
  Nodes(const Nodes&) = delete;
  Nodes& operator=(const Nodes&) = delete;

  static Nodes* current();  // of this thread; null when nothing is being converted

  // Drops what was added since, when the attempt to convert an option has failed.
  static std::size_t mark() { return current() == nullptr ? 0 : current()->objects.size(); }
  static void drop_since(std::size_t mark) {
    if (current() != nullptr) current()->objects.resize(mark);
  }

  std::vector<py::object> objects;
  std::size_t first_readable = 1;  // places before it are not to be referred to

 private:
  Nodes* before_;
};

// What stands in the fields of the Alternative for itself. Of no use before complete_recursive.
CodecPtr make_self_reference_codec(std::string name);
// `variant` is the codec of one node, `self` the reference that its fields hold. Raises TypeError
// when the first alternative, which is the default, cannot be made without another value.
CodecPtr make_recursive_codec(const CodecPtr& self, CodecPtr variant, py::type python_class,
                              py::type first_alternative);

}  // namespace odb::python
