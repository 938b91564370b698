// Queue: a deque of large elements, as there is one for each commit.
#pragma once

#include <boost/container/deque.hpp>
#include <boost/container/options.hpp>

namespace odb::server {

// As std::deque, whose blocks of 512 bytes would hold one or two of them, each with an allocation.
// References stay valid while others are added and removed at either end.
template <class T>
using Queue =
    boost::container::deque<T, void,
                            boost::container::deque_options_t<boost::container::block_size<64>>>;

}  // namespace odb::server
