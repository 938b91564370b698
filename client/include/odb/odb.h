// The C++ client of odb: schemas from plain structs, connections, views, transactions.
//
// Needs no more than Boost.Describe beside the standard library; odb/client/asio.h adds commits
// with completion tokens of Boost.Asio.
#pragma once

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>

#include "odb/client/core_schema.h"
#include "odb/client/database.h"
#include "odb/client/errors.h"
#include "odb/client/mapping.h"
#include "odb/client/object_ref.h"
#include "odb/client/reactor.h"
#include "odb/client/schema.h"
#include "odb/client/transaction.h"
#include "odb/client/typed_database.h"
#include "odb/client/typed_query.h"
#include "odb/client/typed_range.h"
#include "odb/client/typed_schema.h"
#include "odb/client/typed_transaction.h"
#include "odb/client/typed_view.h"
#include "odb/client/view.h"
