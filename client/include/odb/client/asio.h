// Commits that complete a Boost.Asio token. Not part of odb/odb.h: Asio is a large include.
#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <utility>

#include "odb/client/errors.h"
#include "odb/client/transaction.h"

namespace odb {

// Transaction::commit_async for any completion token of signature void(CommitOutcome):
//
//   odb::CommitOutcome outcome = co_await odb::commit_async(transaction,
//   boost::asio::use_awaitable);
//
// The handler runs on its associated executor, which is kept busy until then, and never inside this
// call. `transaction` must live until the operation is initiated. Throws nothing: what commit_async
// would throw is an outcome too.
template <class CompletionToken>
auto commit_async(Transaction& transaction, CompletionToken&& token) {
  const auto initiate = [](auto handler, Transaction* started) {
    auto work = boost::asio::make_work_guard(boost::asio::get_associated_executor(handler));
    // CommitCallback is copied, a handler need not be.
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    CommitCallback complete = [work, shared](const CommitOutcome& outcome) {
      boost::asio::post(work.get_executor(), [shared, told = outcome]() mutable {
        std::move (*shared)(std::move(told));
      });
    };
    try {
      started->commit_async(complete);
    } catch (const Exception& error) {
      complete(error.error());
    }
  };
  return boost::asio::async_initiate<CompletionToken, void(CommitOutcome)>(initiate, token,
                                                                           &transaction);
}

}  // namespace odb
