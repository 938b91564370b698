// The schema "core": who is connected, and objects that end with a connection.
#pragma once

#include <boost/describe/class.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <type_traits>

#include "odb/client/object_ref.h"
#include "odb/client/schema.h"
#include "odb/client/typed_schema.h"

namespace odb {

// An open connection to the server. The server makes the object when the connection opens and
// deletes it when that ends, in ordinary commits; nobody else writes it. See
// Database::connection_object().
struct Connection {
  std::string name{};     // of the program, see ConnectOptions::name
  std::string actor{};    // the name of the token that it presented
  std::string address{};  // where it comes from
  std::chrono::sys_time<std::chrono::nanoseconds> since{};
};
BOOST_DESCRIBE_STRUCT(Connection, (), (name, actor, address, since))

// Subscribe to it to see who is there. It has indexes over name and actor. A schema whose structs
// have members of type Ref<Connection> needs no more than those.
const Schema& core_schema();

// For define<T>: an object whose member refers to a connection belongs to that connection. When the
// connection ends, for whatever reason, the server deletes the object in the same commit as the
// connection's own; so leases, locks and presence need nothing else. The member is a
// Ref<Connection>, or an optional one, and is indexed as by index<Member>(). A commit that gives an
// object to a connection that has ended is a conflict.
template <auto Member>
IndexOf<void, Member> owned_by(std::string name = {}) {
  using M = detail::MemberType<Member>;
  static_assert(
      std::is_same_v<M, Ref<Connection>> || std::is_same_v<M, std::optional<Ref<Connection>>>,
      "odb: only a member of type odb::Ref<odb::Connection>, or an optional one, can say who owns "
      "an object");
  return {std::move(name), Uniqueness::kMany, IndexRole::kOwner};
}

}  // namespace odb
