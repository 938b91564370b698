#include "loading.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "filling.h"
#include "odb/wire/records.h"

namespace odb::server::redis {

namespace {

constexpr std::chrono::seconds kProgressInterval{1};
constexpr std::string_view kPage = "2000";
constexpr std::string_view kLogPage = "100";

Error damaged(std::string what) {
  return {ErrorCode::kDataDamaged, "the database in Redis is damaged: " + std::move(what)};
}

// `rows_expected` is set to how many there are.
Result<std::optional<StoredDatabase>> read_meta(Possession& possession, const Keys& keys,
                                                const RedisOptions& options,
                                                std::uint64_t& rows_expected) {
  auto reply = possession.ask({"HMGET", keys.meta, "history", "version", "ids_below", "rows",
                               "outcomes_forgotten_up_to", "run_id", "clean", "lost", "filling"});
  if (!reply) return reply.error();
  if (reply->elements.size() != 9) return damaged(keys.meta + ": " + describe(*reply));
  const auto text = [&](std::size_t i) -> const std::string& { return reply->elements[i].text; };
  if (text(0).empty()) return std::optional<StoredDatabase>();
  const auto history = parse_history(text(0));
  const auto version = parse_number(text(1));
  const auto ids_below = parse_number(text(2));
  const auto rows = parse_number(text(3));
  const auto forgotten = text(4).empty() ? 0 : parse_number(text(4));
  if (!history || !version || !ids_below || !rows || !forgotten) {
    return damaged(keys.meta + " has a field that is not what it should be");
  }
  auto whole = check_filling(text(8), Version{*version}, options.filling, "the database in Redis");
  if (!whole) return whole.error();
  rows_expected = *rows;
  StoredDatabase stored;
  stored.is_filling = *whole == FillingState::kPartly;
  stored.history = *history;
  stored.version = Version{*version};
  stored.ids_below = ObjectId{*ids_below};
  stored.outcomes_forgotten_up_to = Version{*forgotten};
  // Redis wrote `clean` after everything else. Without it, only the same run of Redis, or one
  // that syncs before it answers, is sure to have what was acknowledged.
  const bool is_same_run = !text(5).empty() && text(5) == possession.run_id();
  stored.may_have_lost = !text(7).empty() || (text(6) != text(1) && !is_same_run &&
                                              !possession.durability().is_strict());
  return std::optional(stored);
}

class Loading {
 public:
  enum class By : std::uint8_t { kOwner, kStandby };

  Loading(Possession& possession, const Keys& keys, Link& link, const RedisOptions& options,
          StoreLoader& loader, By by)
      : possession_(possession),
        keys_(keys),
        link_(link),
        options_(options),
        loader_(loader),
        by_(by) {}

  Result<std::optional<StoredDatabase>> run() {
    auto stored = read_meta(possession_, keys_, options_, rows_expected_);
    if (!stored) return stored;
    if (!stored->has_value()) return stored;
    if (auto taken = loader_.on_database(**stored); !taken) return taken.error();
    if (auto loaded = load_types(); !loaded) return loaded.error();
    if (auto loaded = load_outcomes(possession_, keys_, loader_); !loaded) return loaded.error();
    if (auto loaded = load_rows(); !loaded) return loaded.error();
    if (auto loaded = load_log(); !loaded) return loaded.error();
    return stored;
  }

  Result<void> load_objects() {
    if (auto loaded = load_types(); !loaded) return loaded;
    return load_rows();
  }

 private:
  struct Page {
    std::vector<std::pair<TouchedObject, std::string>> rows;
    bool renews = false;  // the answer to a renewal follows that with the rows
    bool empty() const { return rows.empty(); }
  };

  Result<void> load_types() {
    auto reply = possession_.ask({"HGETALL", keys_.schema});
    if (!reply) return reply.error();
    if (reply->is_error()) return damaged(keys_.schema + ": " + describe(*reply));
    std::vector<CatalogType> types;
    for (std::size_t i = 0; i + 1 < reply->elements.size(); i += 2) {
      auto type = wire::decode_type_record(reply->elements[i + 1].text);
      const auto number = parse_number(reply->elements[i].text);
      if (!type || !number || type->id.value != *number) {
        return damaged(keys_.schema + ", type " + reply->elements[i].text.substr(0, 20) +
                       (type ? ": it is another one" : ": " + type.error().message));
      }
      types.push_back(*std::move(type));
    }
    std::sort(types.begin(), types.end(),
              [](const CatalogType& a, const CatalogType& b) { return a.id < b.id; });
    return loader_.on_types(std::move(types));
  }

  // Asked for ahead: while the rows of one page are taken in, Redis has those of the next under
  // way.
  Result<void> load_rows() {
    Page asked;  // its rows have been asked for
    ask_for_keys("0");
    for (bool is_last = false; !is_last || !asked.empty();) {
      Page next;
      if (!is_last) {
        auto keys = answer();
        if (!keys) return keys.error();
        if (auto read = read_keys(*keys, next); !read) return read;
        const std::string& cursor = keys->elements[0].text;
        is_last = cursor == "0";
        if (!is_last) ask_for_keys(cursor);
        if (!next.empty()) ask_for_rows(next);
        if (auto sent = link_.pump(milliseconds{0}); !sent) return sent;
      }
      if (!asked.empty()) {
        auto rows = answer();
        if (!rows) return rows.error();
        if (auto taken = take_rows(asked, *rows); !taken) return taken;
        if (auto renewed = check_renewal(asked); !renewed) return renewed;
      }
      asked = std::move(next);
    }
    if (by_ == By::kOwner && rows_found_ < rows_expected_) {
      return damaged(std::to_string(rows_expected_ - rows_found_) + " of " +
                     std::to_string(rows_expected_) + " objects are missing (evicted?)");
    }
    return {};
  }

  Result<void> load_log() {
    if (!loader_.wants_log()) return {};
    for (std::string from = "-";;) {
      auto page = possession_.ask({"XRANGE", keys_.log, from, "+", "COUNT", kLogPage});
      if (!page) return page.error();
      if (page->is_error()) return damaged(keys_.log + ": " + describe(*page));
      if (page->elements.empty()) return {};
      for (const Reply& entry : page->elements) {
        if (auto taken = take_log_entry(entry); !taken) return taken;
      }
      from = "(" + page->elements.back().elements[0].text;
    }
  }

  // Its number, and then fields and values in turn.
  Result<void> take_log_entry(const Reply& entry) {
    if (entry.elements.size() != 2) return damaged(keys_.log + ": " + describe(entry));
    const auto& pairs = entry.elements[1].elements;
    for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
      auto commits = wire::decode_log_record(pairs[i + 1].text);
      if (!commits || commits->empty()) {
        return damaged(keys_.log + ", entry " + entry.elements[0].text.substr(0, 40) +
                       ": a record does not decode");
      }
      if (auto taken = loader_.on_log(*std::move(commits)); !taken) return taken;
    }
    return {};
  }

  void ask_for_keys(const std::string& cursor) {
    append_command(link_.output(), {"SCAN", cursor, "MATCH", pattern_, "COUNT", kPage});
  }

  void ask_for_rows(Page& page) {
    Arguments command;
    command.add("MGET");
    for (const auto& [object, key] : page.rows) command.add(key);
    append_command(link_.output(), command);
    if (by_ == By::kStandby || Clock::now() - renewed_at_ < options_.lease_time / 3) return;
    renewed_at_ = Clock::now();
    possession_.append_renewal(link_.output());
    page.renews = true;
  }

  Result<void> check_renewal(const Page& page) {
    if (!page.renews) return {};
    auto renewed = answer();
    if (!renewed) return renewed.error();
    if (renewed->is_error()) return Error{ErrorCode::kUnavailable, describe(*renewed)};
    return {};
  }

  Result<Reply> answer() { return receive(link_, Clock::now() + options_.store_timeout); }

  Result<void> read_keys(const Reply& reply, Page& page) {
    if (reply.elements.size() != 2) return damaged("cannot list keys: " + describe(reply));
    for (const Reply& key : reply.elements[1].elements) {
      if (const auto row = keys_.parse_row(key.text)) {
        page.rows.emplace_back(*row, key.text);
      } else if (!keys_.is_ours(key.text)) {
        return Error{ErrorCode::kBadConfiguration,
                     "there are keys under the prefix that are not odb's, for example " +
                         key.text.substr(0, 80)};
      }
    }
    return {};
  }

  Result<void> take_rows(const Page& page, Reply& reply) {
    if (reply.elements.size() != page.rows.size()) return damaged("rows: " + describe(reply));
    for (std::size_t i = 0; i < page.rows.size(); ++i) {
      const auto& [object, key] = page.rows[i];
      // Deleted since its key was listed.
      if (by_ == By::kStandby && reply.elements[i].kind == Reply::Kind::kNil) continue;
      if (reply.elements[i].kind != Reply::Kind::kText) return damaged(key + " is no string");
      auto record = wire::decode_object_record(reply.elements[i].text);
      if (!record) return damaged(key + ": " + record.error().message);
      if (auto taken = loader_.on_object(object.type, object.object, record->version,
                                         std::move(record->fields));
          !taken) {
        return taken;
      }
      ++rows_found_;  // a key that Redis lists twice counts twice: rows are surely not fewer
    }
    if (Clock::now() - told_at_ >= kProgressInterval) {
      told_at_ = Clock::now();
      if (by_ == By::kOwner) {
        spdlog::info("loaded {} of {} objects", rows_found_, rows_expected_);
      } else {
        spdlog::info("loaded {} objects", rows_found_);
      }
    }
    return {};
  }

  Possession& possession_;
  const Keys& keys_;
  Link& link_;
  const RedisOptions& options_;
  StoreLoader& loader_;
  const By by_;
  const std::string pattern_ = keys_.pattern();
  std::uint64_t rows_expected_ = 0;
  std::uint64_t rows_found_ = 0;
  Clock::time_point renewed_at_ = Clock::now();
  Clock::time_point told_at_ = Clock::now();
};

}  // namespace

Result<std::optional<StoredDatabase>> load_database(Possession& possession, const Keys& keys,
                                                    Link& link, const RedisOptions& options,
                                                    StoreLoader& loader) {
  return Loading(possession, keys, link, options, loader, Loading::By::kOwner).run();
}

Result<std::optional<StoredDatabase>> load_meta(Possession& possession, const Keys& keys,
                                                const RedisOptions& options) {
  std::uint64_t rows = 0;
  return read_meta(possession, keys, options, rows);
}

Result<void> load_followed(Possession& possession, const Keys& keys, Link& link,
                           const RedisOptions& options, StoreLoader& loader) {
  return Loading(possession, keys, link, options, loader, Loading::By::kStandby).load_objects();
}

Result<void> load_outcomes(Possession& possession, const Keys& keys, StoreLoader& loader) {
  std::string cursor = "0";
  do {
    auto page = possession.ask({"HSCAN", keys.outcomes, cursor, "COUNT", kPage});
    if (!page) return page.error();
    if (page->elements.size() != 2) return damaged(keys.outcomes + ": " + describe(*page));
    const auto& pairs = page->elements[1].elements;
    for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
      auto outcomes = wire::decode_outcomes_record(pairs[i + 1].text);
      const auto client = parse_client(pairs[i].text);
      if (!outcomes || !client) return damaged(keys.outcomes + " has a record that is none");
      outcomes->client = *client;
      if (auto taken = loader.on_outcomes(*std::move(outcomes)); !taken) return taken;
    }
    cursor = page->elements[0].text;
  } while (cursor != "0");
  return {};
}

}  // namespace odb::server::redis
