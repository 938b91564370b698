#include "codec_recursive.h"

#include "errors.h"

namespace odb::python {
namespace {

thread_local Nodes* current_nodes = nullptr;

class SelfReferenceCodec final : public Codec {
 public:
  explicit SelfReferenceCodec(std::string name)
      : Codec(Type::structure(name, {"node"}, {Type::integer()}), name) {}

  PyObject* to_python(const Value& value, Bindings*) const override {
    return guarded([&] {
      const std::int64_t place = value.elements()[0].as_int();
      if (place == 0) return default_object().release().ptr();
      const Nodes* const nodes = Nodes::current();
      if (nodes == nullptr || place < static_cast<std::int64_t>(nodes->first_readable) ||
          place >= static_cast<std::int64_t>(nodes->objects.size())) {
        raise_type_error("the stored " + name() + " is malformed: a node refers to place " +
                         std::to_string(place) + ", which is not behind its own");
      }
      return py::object(nodes->objects[static_cast<std::size_t>(place)]).release().ptr();
    });
  }
  bool from_python(PyObject* object, Match, const Conversion&, Value& out) const override {
    Nodes* const nodes = Nodes::current();
    if (nodes == nullptr || !class_ || !py::isinstance(object, class_)) return false;
    out = Value::structure({Value::integer(static_cast<std::int64_t>(nodes->objects.size()))});
    nodes->objects.push_back(borrow(object));
    return true;
  }

  void complete(py::type python_class, const py::type& first_alternative) const {
    class_ = std::move(python_class);
    default_ = first_alternative();
  }
  const py::object& python_class() const { return class_; }
  py::object default_object() const {
    if (!default_) {
      raise_type_error("the first alternative of " + name() +
                       " needs another value of it: put one first that does not, for it is the"
                       " default");
    }
    return default_;
  }

 private:
  mutable py::object class_;  // set once, when the class that holds this codec is there
  mutable py::object default_;
};

class RecursiveCodec final : public Codec {
 public:
  RecursiveCodec(std::shared_ptr<const SelfReferenceCodec> self, CodecPtr node)
      : Codec(Type::list(node->type()), node->name()),
        self_(std::move(self)),
        node_(std::move(node)) {}

  PyObject* to_python(const Value& value, Bindings* bindings) const override {
    return guarded([&] {
      const std::span<const Value> stored = value.elements();
      if (stored.empty()) return self_->default_object().release().ptr();
      Nodes nodes;
      nodes.objects.resize(stored.size());
      for (std::size_t i = stored.size(); i-- > 0;) {  // what a node holds stands behind it
        nodes.first_readable = i + 1;
        nodes.objects[i] = steal(node_->to_python(stored[i], bindings));
      }
      return py::object(nodes.objects[0]).release().ptr();
    });
  }
  bool from_python(PyObject* object, Match match, const Conversion& conversion,
                   Value& out) const override {
    if (!py::isinstance(object, self_->python_class())) return false;
    std::vector<Value> stored;
    if (!borrow(object).equal(self_->default_object())) {
      Nodes nodes;
      nodes.objects[0] = borrow(object);
      for (std::size_t i = 0; i < nodes.objects.size(); ++i) {
        if (nodes.objects.size() > kNodesMax) {
          explain(conversion, "it has more than " + std::to_string(kNodesMax) +
                                  " nodes; a part that it holds twice counts twice");
          return false;
        }
        const py::object node = nodes.objects[i];
        if (!node_->from_python(node.ptr(), match, conversion, stored.emplace_back())) return false;
      }
    }
    out = Value::list(std::move(stored));
    return true;
  }

 private:
  std::shared_ptr<const SelfReferenceCodec> self_;
  CodecPtr node_;
};

}  // namespace

Nodes::Nodes() : objects(1), before_(current_nodes) { current_nodes = this; }

Nodes::~Nodes() { current_nodes = before_; }

Nodes* Nodes::current() { return current_nodes; }

CodecPtr make_self_reference_codec(std::string name) {
  return std::make_shared<SelfReferenceCodec>(std::move(name));
}

CodecPtr make_recursive_codec(const CodecPtr& self, CodecPtr variant, py::type python_class,
                              py::type first_alternative) {
  auto reference = std::dynamic_pointer_cast<const SelfReferenceCodec>(self);
  if (!reference) raise_type_error("expected the codec of a reference to itself");
  reference->complete(std::move(python_class), first_alternative);
  return std::make_shared<RecursiveCodec>(std::move(reference), std::move(variant));
}

}  // namespace odb::python
