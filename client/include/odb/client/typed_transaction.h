// The typed form of Transaction.
#pragma once

#include <array>
#include <cstddef>
#include <future>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "odb/client/mapping.h"
#include "odb/client/transaction.h"
#include "odb/client/typed_query.h"
#include "odb/client/typed_range.h"

namespace odb {

// Every object of T in a transaction, as pairs of reference and struct: an input range, read as it
// is walked. The transaction must stay where it is meanwhile.
template <class T>
class TransactionObjects {
 public:
  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using iterator_category = std::input_iterator_tag;
    using value_type = std::pair<Ref<T>, T>;
    using difference_type = std::ptrdiff_t;
    using reference = const value_type&;
    using pointer = const value_type*;

    Iterator() = default;
    reference operator*() const { return *current_; }
    pointer operator->() const { return &*current_; }
    Iterator& operator++() {
      ++place_;
      read();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& it, std::default_sentinel_t) {
      return !it.current_.has_value();
    }

   private:
    friend class TransactionObjects;
    Iterator(Transaction* transaction, const std::vector<Ref<T>>* refs)
        : transaction_(transaction), refs_(refs) {
      read();
    }
    void read() {
      for (; place_ < refs_->size(); ++place_) {
        const Ref<T> ref = (*refs_)[place_];
        try {
          current_.emplace(ref, transaction_->get(ref));
          return;
        } catch (const NotFoundError&) {
          // The snapshot had it, so this transaction removed it since the loop began.
        }
      }
      current_.reset();
    }

    Transaction* transaction_ = nullptr;
    const std::vector<Ref<T>>* refs_ = nullptr;
    std::size_t place_ = 0;
    std::optional<value_type> current_;  // empty at the end
  };

  TransactionObjects(Transaction& transaction, std::vector<Ref<T>> refs)
      : transaction_(&transaction), refs_(std::move(refs)) {}

  Iterator begin() const { return {transaction_, &refs_}; }
  std::default_sentinel_t end() const { return {}; }

 private:
  Transaction* transaction_;
  std::vector<Ref<T>> refs_;
};

template <auto Member, class T>
const Value& Transaction::value(Ref<T> object) {
  using Checked = detail::MemberOf<T, Member>;
  const detail::TypeBinding& binding =
      detail::binding_of<T>(state_.snapshot().catalog(), object.type);
  return state_.get(object, binding.fields[Checked::kPosition]);
}

template <auto Member, class T>
detail::MemberType<Member> Transaction::get(Ref<T> object) {
  return detail::MemberOf<T, Member>::from_value(value<Member>(object));
}

template <class T>
T Transaction::get(Ref<T> object) {
  const detail::TypeBinding& binding =
      detail::binding_of<T>(state_.snapshot().catalog(), object.type);
  return detail::struct_from<T>([&](std::size_t position) -> const Value& {
    return state_.get(object, binding.fields[position]);
  });
}

template <class T>
std::vector<Ref<T>> Transaction::refs() {
  return detail::to_refs<T>(all(detail::binding_of<T>(state_.snapshot().catalog()).type->id));
}
template <class T>
std::vector<Ref<T>> Transaction::refs(const Schema& schema) {
  return detail::to_refs<T>(
      all(detail::binding_of<T>(state_.snapshot().catalog(), schema.name()).type->id));
}
template <class T>
TransactionObjects<T> Transaction::all() {
  return {*this, refs<T>()};
}
template <class T>
TransactionObjects<T> Transaction::all(const Schema& schema) {
  return {*this, refs<T>(schema)};
}

template <class T, auto... Members>
std::vector<Ref<T>> Transaction::lookup(const Where<T, Members...>& where) {
  return detail::to_refs<T>(lookup(where.index(state_.snapshot().catalog()), where.values));
}
template <class T, auto... Members>
std::optional<Ref<T>> Transaction::lookup_any(const Where<T, Members...>& where) {
  const std::optional<ObjectRef> found =
      lookup_any(where.index(state_.snapshot().catalog()), where.values);
  return found ? std::optional(Ref<T>(*found)) : std::nullopt;
}
template <class T, auto... Members>
Ref<T> Transaction::lookup_unique(const Where<T, Members...>& where) {
  return Ref<T>(lookup_unique(where.index(state_.snapshot().catalog()), where.values));
}
template <class T, auto... Members>
std::size_t Transaction::count(const Where<T, Members...>& where) {
  return lookup(where.index(state_.snapshot().catalog()), where.values).size();
}

template <auto Member, auto... More, class... Values>
std::vector<Ref<detail::ClassOf<Member>>> Transaction::lookup(const Values&... values) {
  return lookup(odb::where<Member, More...>(values...));
}
template <class T, auto Member, auto... More, class... Values>
std::vector<Ref<T>> Transaction::lookup(const Values&... values) {
  return lookup(odb::where<T, Member, More...>(values...));
}
template <auto Member, auto... More, class... Values>
std::optional<Ref<detail::ClassOf<Member>>> Transaction::lookup_any(const Values&... values) {
  return lookup_any(odb::where<Member, More...>(values...));
}
template <class T, auto Member, auto... More, class... Values>
std::optional<Ref<T>> Transaction::lookup_any(const Values&... values) {
  return lookup_any(odb::where<T, Member, More...>(values...));
}
template <auto Member, auto... More, class... Values>
Ref<detail::ClassOf<Member>> Transaction::lookup_unique(const Values&... values) {
  return lookup_unique(odb::where<Member, More...>(values...));
}
template <class T, auto Member, auto... More, class... Values>
Ref<T> Transaction::lookup_unique(const Values&... values) {
  return lookup_unique(odb::where<T, Member, More...>(values...));
}
template <auto Member, auto... More, class... Values>
std::size_t Transaction::count(const Values&... values) {
  return count(odb::where<Member, More...>(values...));
}
template <class T, auto Member, auto... More, class... Values>
std::size_t Transaction::count(const Values&... values) {
  return count(odb::where<T, Member, More...>(values...));
}

template <class T, auto... Members>
std::vector<Ref<T>> Transaction::range(const InRange<T, Members...>& query) {
  return detail::to_refs<T>(range(query.range(state_.snapshot().catalog()), query.options));
}
template <class T, auto... Members>
std::size_t Transaction::count(const InRange<T, Members...>& query) {
  return count(query.range(state_.snapshot().catalog()));
}
template <auto Member, auto... More, class... Parts>
std::vector<Ref<detail::ClassOf<Member>>> Transaction::range(const Parts&... parts) {
  return range(in_range<Member, More...>(parts...));
}
template <class T, auto Member, auto... More, class... Parts>
std::vector<Ref<T>> Transaction::range(const Parts&... parts) {
  return range(in_range<T, Member, More...>(parts...));
}

namespace detail {

template <class T>
std::array<std::pair<FieldId, Value>, kMemberCount<T>> field_values(const TypeBinding& binding,
                                                                    const T& object) {
  std::array<std::pair<FieldId, Value>, kMemberCount<T>> fields;
  for_each_member<T>([&]<class Member>(Member, auto pointer) {
    fields[Member::kPosition] = {binding.fields[Member::kPosition],
                                 Member::to_value(object.*pointer)};
  });
  return fields;
}

}  // namespace detail

template <class T>
Ref<T> Transaction::create(const T& object) {
  const detail::TypeBinding& binding = detail::binding_of<T>(state_.snapshot().catalog());
  auto fields = detail::field_values(binding, object);
  return Ref<T>(create_from(binding.type->id, fields));
}
template <class T>
Ref<T> Transaction::create(const Schema& schema, const T& object) {
  const detail::TypeBinding& binding =
      detail::binding_of<T>(state_.snapshot().catalog(), schema.name());
  auto fields = detail::field_values(binding, object);
  return Ref<T>(create_from(binding.type->id, fields));
}

template <auto Member, class T, class Given>
void Transaction::set(Ref<T> object, const Given& value) {
  Value stored = detail::member_value<T, Member>(value);
  const detail::TypeBinding& binding =
      detail::binding_of<T>(state_.snapshot().catalog(), object.type);
  state_.set(object, binding.fields[detail::MemberOf<T, Member>::kPosition], std::move(stored));
}

template <class T>
void Transaction::update(Ref<T> object, const T& value) {
  const detail::TypeBinding& binding =
      detail::binding_of<T>(state_.snapshot().catalog(), object.type);
  for (auto& [field, stored] : detail::field_values(binding, value)) {
    state_.set(object, field, std::move(stored));
  }
}

namespace detail {

template <class T, auto Member>
FieldId field_of_member(const ClientCatalog& catalog, Ref<T> object) {
  return binding_of<T>(catalog, object.type).fields[MemberOf<T, Member>::kPosition];
}

}  // namespace detail

template <auto Member, class T, class Given>
void Transaction::add(Ref<T> object, const Given& amount) {
  static_assert(std::is_arithmetic_v<detail::MemberType<Member>> &&
                    !std::is_same_v<detail::MemberType<Member>, bool>,
                "odb: only numbers can be added to");
  Value stored = detail::member_value<T, Member>(amount);
  add(object, detail::field_of_member<T, Member>(state_.snapshot().catalog(), object),
      std::move(stored));
}
template <auto Member, class T, class Given>
void Transaction::append(Ref<T> object, const Given& element) {
  using Element = typename detail::MemberType<Member>::value_type;
  static_assert(std::is_same_v<detail::MemberType<Member>, std::vector<Element>>,
                "odb: only lists (std::vector) can be appended to");
  append(object, detail::field_of_member<T, Member>(state_.snapshot().catalog(), object),
         Mapping<Element>::to_value(Element(element)));
}
template <auto Member, class T, class Key, class Given>
void Transaction::insert(Ref<T> object, const Key& key, const Given& value) {
  using Dict = detail::MemberType<Member>;
  insert(object, detail::field_of_member<T, Member>(state_.snapshot().catalog(), object),
         Mapping<typename Dict::key_type>::to_value(typename Dict::key_type(key)),
         Mapping<typename Dict::mapped_type>::to_value(typename Dict::mapped_type(value)));
}
template <auto Member, class T, class Key>
void Transaction::erase(Ref<T> object, const Key& key) {
  using Dict = detail::MemberType<Member>;
  erase(object, detail::field_of_member<T, Member>(state_.snapshot().catalog(), object),
        Mapping<typename Dict::key_type>::to_value(typename Dict::key_type(key)));
}

inline std::future<CommitOutcome> Transaction::commit_future() {
  auto promise = std::make_shared<std::promise<CommitOutcome>>();
  std::future<CommitOutcome> future = promise->get_future();
  commit_async([promise](const CommitOutcome& outcome) { promise->set_value(outcome); });
  return future;
}

}  // namespace odb
