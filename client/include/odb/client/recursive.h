// Recursive: a value that may hold values of its own type, such as an expression tree.
#pragma once

#include <concepts>
#include <memory>
#include <utility>
#include <variant>

namespace odb {

template <class T>
struct Mapping;  // mapping_base.h

// One of several described structs, which may have members of this very type:
//
//   struct Constant { std::int64_t value = 0; };
//   struct Add;
//   using Expr = odb::Recursive<Constant, Add>;
//   struct Add { Expr left{}; Expr right{}; };
//   BOOST_DESCRIBE_STRUCT(...) of both
//
//   Expr sum = Add{Constant{1}, Add{Constant{2}, Constant{3}}};
//   std::visit(..., sum.value());
//
// Immutable, and shared by its copies, which are cheap. Made by default it holds the first
// alternative, made by default. Stored as a variant of Python's Alternative is: mapping_recursive.h
// tells how, and what it may hold at most.
template <class... Alternatives>
class Recursive {
 public:
  using Variant = std::variant<Alternatives...>;

  Recursive() = default;
  template <class Alternative>
  requires(std::same_as<Alternative, Alternatives> || ...)
      Recursive(Alternative alternative)  // NOLINT: one of its alternatives is a value of it
      : node_(std::make_shared<const Variant>(std::move(alternative))) {}

  // Lives as long as this or a copy of it.
  const Variant& value() const { return node_ != nullptr ? *node_ : default_value(); }
  template <class Alternative>
  const Alternative* get_if() const {
    return std::get_if<Alternative>(&value());
  }

  friend bool operator==(const Recursive& a, const Recursive& b) {
    return a.node_ == b.node_ || a.value() == b.value();
  }

 private:
  friend struct Mapping<Recursive>;

  static const Variant& default_value() {
    static const Variant kDefault{};
    return kDefault;
  }

  std::shared_ptr<const Variant> node_;  // null: default_value()
};

}  // namespace odb
