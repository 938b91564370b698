#include "list_append_program.h"

#include <algorithm>
#include <utility>

#include "odb/client/errors.h"

namespace odb::sim {

namespace {

constexpr std::size_t kListsAtATime = 6;
constexpr std::size_t kSubscriptionsMax = 4;
constexpr std::size_t kOpenMax = 3;
constexpr std::size_t kInFlightMax = 4;
constexpr const char* kListField = "log";

using list_append::Element;
using list_append::ListId;

ListId list_id(ObjectRef list) { return {list.object.value}; }

list_append::Outcome outcome_of(const CommitOutcome& outcome) {
  using list_append::Outcome;
  if (std::holds_alternative<Accepted>(outcome)) return Outcome::kCommitted;
  const auto* error = std::get_if<Error>(&outcome);
  const bool unknown = error != nullptr && error->code == ErrorCode::kOutcomeUnknown;
  return unknown ? Outcome::kUnknown : Outcome::kFailed;
}

std::vector<Element> elements_of(const Value& value) {
  std::vector<Element> elements;
  for (const Value& element : value.elements()) {
    elements.push_back(Element{static_cast<std::uint64_t>(element.as_int())});
  }
  return elements;
}

Value to_value(Element element) { return Value::integer(static_cast<std::int64_t>(element.value)); }

bool appends_to(const list_append::Transaction& transaction, ListId list) {
  return std::any_of(transaction.operations.begin(), transaction.operations.end(),
                     [&](const list_append::Operation& operation) {
                       const auto* append = std::get_if<list_append::Append>(&operation);
                       return append != nullptr && append->list == list;
                     });
}

}  // namespace

const CatalogType& ListAppendProgram::task() const {
  return *client_.catalog().find(TypeName{kSchemaName, "Task"});
}

FieldId ListAppendProgram::field(std::string_view name) const { return *task().find_field(name); }

void ListAppendProgram::step() {
  if (!client_.is_open()) return;
  if (client_.catalog().types_of(kSchemaName).empty()) return prepare();
  if (flushing_ != nullptr && flushing_->is_done()) {
    if (std::exchange(flushing_, nullptr)->version) {
      flushed_since_ = flush_begun_;
      open_.push_back(begin());
    }
  }
  const std::size_t what = below(world_.random, 100);
  if (client_.subscription_count() == 0 || what < 2) return subscribe();
  if (what < 8) return flush();
  if (open_.empty() || (what < 35 && open_.size() < kOpenMax)) {
    if (client_.commits_in_flight() < kInFlightMax) open_.push_back(begin());
    return;
  }
  const std::size_t place = below(world_.random, open_.size());
  Open& transaction = *open_[place];
  if (transaction.fetch != nullptr) {
    finish_fetch(transaction);
  } else if (transaction.steps_left-- > 0) {
    advance(transaction);
  } else {
    end(transaction);
  }
  if (transaction.state.has_ended())
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(place));
}

void ListAppendProgram::prepare() {
  if (!client_.is_waiting()) client_.define(base_schema());
}

// One of the youngest.
ObjectId ListAppendProgram::some_list() {
  const std::vector<ObjectId>& lists = run_.lists;
  const std::size_t young = std::min(lists.size(), kListsAtATime);
  return lists[lists.size() - 1 - below(world_.random, young)];
}

void ListAppendProgram::subscribe() {
  if (client_.subscription_count() >= kSubscriptionsMax) return;
  Random& random = world_.random;
  const std::size_t what = below(random, 10);
  if (what < 4 || run_.lists.empty()) return client_.subscribe(TypeInterest{task().id});
  if (what < 8) {
    return client_.subscribe(ObjectsInterest{task().id, {some_list(), some_list()}});
  }
  client_.subscribe(IndexInterest{task().find_index("status")->id,
                                  {Value::integer(static_cast<std::int64_t>(below(random, 3)))}});
}

void ListAppendProgram::flush() {
  if (flushing_ != nullptr) return;
  flush_begun_ = run_.clock.now();
  flushing_ = client_.begin_flush();
}

std::unique_ptr<ListAppendProgram::Open> ListAppendProgram::begin() {
  list_append::Transaction noted;
  noted.process = {client_.id().low};
  noted.begun = run_.clock.now();
  noted.strict_since = flushed_since_;
  auto open = std::make_unique<Open>(Open{detail::TransactionState(client_.snapshot()),
                                          std::move(noted), world_.checker.acknowledged()});
  open->reads_only = chance(world_.random, 30);
  open->steps_left = 1 + below(world_.random, 5);
  return open;
}

void ListAppendProgram::advance(Open& transaction) {
  Random& random = world_.random;
  const std::size_t what = below(random, 100);
  // Some never come into being, so there must be new ones.
  if (!transaction.reads_only && what < (run_.lists.size() < kListsAtATime ? 30 : 1)) {
    return create(transaction);
  }
  if (run_.lists.empty()) return;
  const ObjectRef list{task().id, some_list()};
  try {
    if (transaction.reads_only || what < 45) {
      read(transaction, list);
    } else if (what < 80) {
      append(transaction, list);
    } else if (what < 92) {
      append_by_setting(transaction, list);
    } else {
      move(transaction, list);
    }
  } catch (const NotSubscribedError&) {
    if (chance(random, 30)) return;  // does without
    transaction.fetched = ObjectsInterest{list.type, {list.object}};
    transaction.fetch = client_.load(transaction.state.snapshot().origin(), transaction.fetched);
  }
}

void ListAppendProgram::finish_fetch(Open& transaction) {
  if (!transaction.fetch->is_done()) return;
  const auto ticket = std::exchange(transaction.fetch, nullptr);
  if (ticket->error) return transaction.state.end();  // too old, or disconnected
  transaction.state.add_fetched(transaction.fetched, ticket->blocks);
}

// What is surely absent at the snapshot is an empty list. To append to it without having looked can
// never commit.
void ListAppendProgram::read(Open& transaction, ObjectRef list) {
  std::vector<Element> elements;
  try {
    elements = elements_of(transaction.state.get(list, field(kListField)));
  } catch (const NotFoundError&) {
    if (appends_to(transaction.noted, list_id(list))) return transaction.state.end();
  }
  transaction.noted.operations.push_back(list_append::Read{list_id(list), std::move(elements)});
}

void ListAppendProgram::append(Open& transaction, ObjectRef list) {
  const Element element{++run_.last_element};
  try {
    transaction.state.apply(list, {.kind = CellOperation::Kind::kAppend,
                                   .field = field(kListField),
                                   .value = to_value(element)});
  } catch (const NotFoundError&) {
    return read(transaction, list);
  }
  transaction.noted.operations.push_back(list_append::Append{list_id(list), element});
}

// The same, done by reading the list and writing all of it.
void ListAppendProgram::append_by_setting(Open& transaction, ObjectRef list) {
  read(transaction, list);
  if (transaction.state.has_ended()) return;
  const auto& elements = std::get<list_append::Read>(transaction.noted.operations.back()).elements;
  const Element element{++run_.last_element};
  std::vector<Value> values;
  values.reserve(elements.size() + 1);
  for (const Element before : elements) values.push_back(to_value(before));
  values.push_back(to_value(element));
  try {
    transaction.state.set(list, field(kListField), Value::list(std::move(values)));
  } catch (const NotFoundError&) {
    return;  // which has been noted
  }
  transaction.noted.operations.push_back(list_append::Append{list_id(list), element});
}

// Into the interests of some clients, and out of those of others.
void ListAppendProgram::move(Open& transaction, ObjectRef list) {
  try {
    transaction.state.set(list, field("status"),
                          Value::integer(static_cast<std::int64_t>(below(world_.random, 3))));
  } catch (const NotFoundError&) {
    read(transaction, list);
  }
}

void ListAppendProgram::create(Open& transaction) {
  const auto object = client_.core().allocate(task().id);
  if (!object) return;  // none granted yet
  const auto number = [&] {
    return Value::integer(static_cast<std::int64_t>(below(world_.random, 3)));
  };
  transaction.state.create({task().id, *object}, {{field("title"), Value::text("a list")},
                                                  {field("status"), number()},
                                                  {field("priority"), number()}});
  run_.lists.push_back(*object);
}

void ListAppendProgram::end(Open& transaction) {
  list_append::Transaction& noted = transaction.noted;
  auto& transactions = run_.history.transactions;
  noted.name = "transaction " + std::to_string(transactions.size() + 1);
  if (!transaction.state.has_writes()) {
    transaction.state.end();
    noted.ended = run_.clock.now();
    noted.outcome = list_append::Outcome::kCommitted;
    transactions.push_back(std::move(noted));
    return;
  }
  noted.strict_since = noted.begun;
  auto attempt = std::make_shared<Attempt>();
  attempt->client = client_.id();
  attempt->actor = client_.actor();
  attempt->acknowledged_before = transaction.acknowledged_before;
  attempt->history = transaction.state.snapshot().history();
  attempt->request = transaction.state.take_request();
  transactions.push_back(std::move(noted));
  const auto told = [&run = run_, place = transactions.size() - 1](const CommitOutcome& outcome) {
    list_append::Transaction& told_of = run.history.transactions[place];
    told_of.outcome = outcome_of(outcome);
    told_of.ended = run.clock.now();
  };
  client_.submit(std::move(attempt), chance(world_.random, 50), told);
}

void ListAppendProgram::finish() {
  open_.clear();
  if (client_.catalog().types_of(kSchemaName).empty() || run_.lists.empty()) return;
  const auto last = begin();
  last->noted.strict_since = last->noted.begun;
  for (const ObjectId object : run_.lists) {
    try {
      read(*last, {task().id, object});
    } catch (const NotSubscribedError&) {
      continue;
    }
    const auto& [list, elements] = std::get<list_append::Read>(last->noted.operations.back());
    run_.history.final_lists.try_emplace(list, elements);
  }
  end(*last);
}

}  // namespace odb::sim
