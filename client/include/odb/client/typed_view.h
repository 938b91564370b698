// The typed form of View.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "odb/client/mapping.h"
#include "odb/client/typed_query.h"
#include "odb/client/typed_range.h"
#include "odb/client/view.h"

namespace odb {
namespace detail {

template <class T>
T object_from(const Snapshot& snapshot, const TypeBinding& binding, ObjectId object,
              const Row& row) {
  return struct_from<T>([&](std::size_t position) -> const Value& {
    return snapshot.field(*binding.type, object, row, binding.fields[position]);
  });
}

}  // namespace detail

// Every object of T in a view, as pairs of reference and struct: an input range, read as it is
// walked. It keeps its view alive.
template <class T>
class Objects {
 public:
  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using iterator_category = std::input_iterator_tag;
    using value_type = std::pair<Ref<T>, T>;
    using difference_type = std::ptrdiff_t;
    using reference = value_type;
    using pointer = void;

    Iterator() = default;
    value_type operator*() const {
      return {Ref<T>(ObjectRef{binding_->type->id, id_}),
              detail::object_from<T>(*snapshot_, *binding_, id_, *row_)};
    }
    Iterator& operator++() {
      if (id_.value == std::numeric_limits<std::uint64_t>::max()) {
        row_ = nullptr;
      } else {
        seek(ObjectId{id_.value + 1});
      }
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& it, std::default_sentinel_t) {
      return it.row_ == nullptr;
    }

   private:
    friend class Objects;
    Iterator(const detail::Snapshot* snapshot, const detail::TypeBinding* binding)
        : snapshot_(snapshot), binding_(binding) {
      seek(ObjectId{});
    }
    void seek(ObjectId from) {
      const std::optional<ObjectId> found = snapshot_->next_object(binding_->type->id, from);
      row_ = found ? snapshot_->find(*binding_->objects, *found) : nullptr;
      if (found) id_ = *found;
    }

    const detail::Snapshot* snapshot_ = nullptr;
    const detail::TypeBinding* binding_ = nullptr;
    const Row* row_ = nullptr;  // null at the end
    ObjectId id_;
  };

  Objects(std::shared_ptr<const detail::Snapshot> snapshot, const detail::TypeBinding& binding)
      : snapshot_(std::move(snapshot)), binding_(&binding) {}

  Iterator begin() const { return {snapshot_.get(), binding_}; }
  std::default_sentinel_t end() const { return {}; }

 private:
  std::shared_ptr<const detail::Snapshot> snapshot_;
  const detail::TypeBinding* binding_;  // of the snapshot's catalog
};

template <auto Member, class T>
inline const Value& View::value(Ref<T> object) const {
  using Checked = detail::MemberOf<T, Member>;
  const detail::TypeBinding& binding = detail::binding_of<T>(snapshot_->catalog(), object.type);
  const FieldId field = binding.fields[Checked::kPosition];
  const Row* const row = snapshot_->find(*binding.objects, object.object);
  if (row == nullptr) [[unlikely]]
    return get(object, field);  // throws NotFoundError
  return snapshot_->field(*binding.type, object.object, *row, field);
}

template <auto Member, class T>
inline detail::MemberType<Member> View::get(Ref<T> object) const {
  return detail::MemberOf<T, Member>::from_value(value<Member>(object));
}

template <class T>
T View::get(Ref<T> object) const {
  const detail::TypeBinding& binding = detail::binding_of<T>(snapshot_->catalog(), object.type);
  const Row* const row = snapshot_->find(*binding.objects, object.object);
  if (row == nullptr) static_cast<void>(get(object, FieldId{}));  // throws NotFoundError
  return detail::object_from<T>(*snapshot_, binding, object.object, *row);
}

template <class T>
Objects<T> View::all() const {
  return {snapshot_, detail::binding_of<T>(snapshot_->catalog())};
}
template <class T>
Objects<T> View::all(const Schema& schema) const {
  return {snapshot_, detail::binding_of<T>(snapshot_->catalog(), schema.name())};
}
template <class T>
std::vector<Ref<T>> View::refs() const {
  return detail::to_refs<T>(all(detail::binding_of<T>(snapshot_->catalog()).type->id));
}
template <class T>
std::vector<Ref<T>> View::refs(const Schema& schema) const {
  return detail::to_refs<T>(
      all(detail::binding_of<T>(snapshot_->catalog(), schema.name()).type->id));
}

template <class T, auto... Members>
std::vector<Ref<T>> View::lookup(const Where<T, Members...>& where) const {
  return detail::to_refs<T>(lookup(where.index(snapshot_->catalog()), where.values));
}
template <class T, auto... Members>
std::optional<Ref<T>> View::lookup_any(const Where<T, Members...>& where) const {
  const std::optional<ObjectRef> found =
      lookup_any(where.index(snapshot_->catalog()), where.values);
  return found ? std::optional(Ref<T>(*found)) : std::nullopt;
}
template <class T, auto... Members>
Ref<T> View::lookup_unique(const Where<T, Members...>& where) const {
  return Ref<T>(lookup_unique(where.index(snapshot_->catalog()), where.values));
}
template <class T, auto... Members>
std::size_t View::count(const Where<T, Members...>& where) const {
  return lookup(where.index(snapshot_->catalog()), where.values).size();
}

template <auto Member, auto... More, class... Values>
std::vector<Ref<detail::ClassOf<Member>>> View::lookup(const Values&... values) const {
  return lookup(odb::where<Member, More...>(values...));
}
template <class T, auto Member, auto... More, class... Values>
std::vector<Ref<T>> View::lookup(const Values&... values) const {
  return lookup(odb::where<T, Member, More...>(values...));
}
template <auto Member, auto... More, class... Values>
std::optional<Ref<detail::ClassOf<Member>>> View::lookup_any(const Values&... values) const {
  return lookup_any(odb::where<Member, More...>(values...));
}
template <class T, auto Member, auto... More, class... Values>
std::optional<Ref<T>> View::lookup_any(const Values&... values) const {
  return lookup_any(odb::where<T, Member, More...>(values...));
}
template <auto Member, auto... More, class... Values>
Ref<detail::ClassOf<Member>> View::lookup_unique(const Values&... values) const {
  return lookup_unique(odb::where<Member, More...>(values...));
}
template <class T, auto Member, auto... More, class... Values>
Ref<T> View::lookup_unique(const Values&... values) const {
  return lookup_unique(odb::where<T, Member, More...>(values...));
}
template <auto Member, auto... More, class... Values>
std::size_t View::count(const Values&... values) const {
  return count(odb::where<Member, More...>(values...));
}
template <class T, auto Member, auto... More, class... Values>
std::size_t View::count(const Values&... values) const {
  return count(odb::where<T, Member, More...>(values...));
}

template <class T, auto... Members>
std::vector<Ref<T>> View::range(const InRange<T, Members...>& query) const {
  return detail::to_refs<T>(range(query.range(snapshot_->catalog()), query.options));
}
template <class T, auto... Members>
std::size_t View::count(const InRange<T, Members...>& query) const {
  return count(query.range(snapshot_->catalog()));
}
template <auto Member, auto... More, class... Parts>
std::vector<Ref<detail::ClassOf<Member>>> View::range(const Parts&... parts) const {
  return range(in_range<Member, More...>(parts...));
}
template <class T, auto Member, auto... More, class... Parts>
std::vector<Ref<T>> View::range(const Parts&... parts) const {
  return range(in_range<T, Member, More...>(parts...));
}

template <class T>
void View::load(const std::vector<Ref<T>>& refs) const {
  const std::vector<ObjectRef> objects(refs.begin(), refs.end());
  load(std::span(objects));
}

}  // namespace odb
