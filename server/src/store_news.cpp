#include "store_news.h"

namespace odb::server {

namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

}  // namespace

void NewsTeller::tell(const News& news) {
  std::visit(Overloaded{
                 [&](const Durable& durable) { listener_->on_durable(durable.up_to); },
                 [&](const Failed& failed) {
                   generation_ = failed.generation;
                   listener_->on_append_failed(failed.from, failed.reason);
                 },
                 [&](const IdsReserved& ids) { listener_->on_ids_reserved(ids.below); },
                 [&](const Away& away) {
                   refusal_ = away.reason;
                   listener_->on_away(away.reason);
                 },
                 [&](const Back&) {
                   refusal_.reset();
                   listener_->on_back();
                 },
                 [&](const Overdue& overdue) { listener_->on_overdue(overdue.up_to); },
                 [&](const Lost& lost) {
                   refusal_ = lost.reason;
                   listener_->on_lost(lost.reason);
                 },
             },
             news);
}

}  // namespace odb::server
