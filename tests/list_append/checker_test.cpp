// Histories by hand: one for each anomaly, and correct ones that look suspicious.
#include "list_append/checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace odb::list_append {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr ListId kX{1};
constexpr ListId kY{2};

Operation append(ListId list, std::uint64_t element) { return Append{list, Element{element}}; }
Operation read(ListId list, std::vector<std::uint64_t> elements) {
  Read read{list, {}};
  for (const std::uint64_t element : elements) read.elements.push_back(Element{element});
  return read;
}

class ListAppend : public testing::Test {
 protected:
  // Each process of its own, all at the same time, unless said otherwise.
  Transaction& transaction(std::vector<Operation> operations) {
    Transaction transaction;
    const std::size_t number = history_.transactions.size() + 1;
    transaction.name = "transaction " + std::to_string(number);
    transaction.process = ProcessId{number};
    transaction.begun = Moment{number};
    transaction.ended = Moment{1'000'000 + number};
    transaction.strict_since = transaction.begun;
    transaction.outcome = Outcome::kCommitted;
    transaction.operations = std::move(operations);
    history_.transactions.push_back(std::move(transaction));
    return history_.transactions.back();
  }
  static void at(Transaction& transaction, std::uint64_t begun, std::uint64_t ended) {
    transaction.begun = Moment{begun};
    transaction.ended = Moment{ended};
    transaction.strict_since = transaction.begun;
  }
  void final_list(ListId list, std::vector<std::uint64_t> elements) {
    history_.final_lists[list] = std::get<Read>(read(list, std::move(elements))).elements;
  }

  std::vector<std::string> found() const {
    std::vector<std::string> kinds;
    for (const Anomaly& anomaly : check(history_)) kinds.push_back(to_string(anomaly.kind));
    return kinds;
  }
  std::string report() const { return to_string(check(history_)); }

  History history_;
};

// ---- correct ones ----

TEST_F(ListAppend, AnEmptyHistoryIsRight) { EXPECT_THAT(found(), IsEmpty()); }

TEST_F(ListAppend, ASerialHistoryIsRight) {
  transaction({append(kX, 1), append(kY, 1), read(kX, {1})});
  transaction({read(kX, {1}), append(kX, 2), read(kX, {1, 2})});
  transaction({read(kX, {1, 2}), read(kY, {1})});
  final_list(kX, {1, 2});
  EXPECT_EQ(report(), "");
}

TEST_F(ListAppend, ReadersMayBeBehindUnlessTheyFlush) {
  at(transaction({append(kX, 1)}), 1, 2);
  Transaction& reader = transaction({read(kX, {})});
  at(reader, 3, 4);
  reader.strict_since.reset();
  transaction({read(kX, {1})});
  EXPECT_EQ(report(), "");
}

TEST_F(ListAppend, AFailedTransactionMayHaveSeenAnOldState) {
  at(transaction({append(kX, 1)}), 1, 2);
  Transaction& late = transaction({read(kX, {}), append(kX, 2)});
  at(late, 3, 4);
  late.outcome = Outcome::kFailed;
  final_list(kX, {1});
  EXPECT_EQ(report(), "");
}

TEST_F(ListAppend, AnUnknownOutcomeMayBeEither) {
  transaction({append(kX, 1), append(kY, 1)}).outcome = Outcome::kUnknown;
  transaction({append(kX, 2), append(kY, 2)}).outcome = Outcome::kUnknown;
  final_list(kX, {2});
  final_list(kY, {2});
  EXPECT_EQ(report(), "");
}

TEST_F(ListAppend, TransactionsThatOverlapMayTakeEffectInAnyOrder) {
  at(transaction({append(kX, 1)}), 1, 10);
  at(transaction({append(kX, 2)}), 2, 9);
  at(transaction({append(kX, 3)}), 3, 8);
  final_list(kX, {3, 1, 2});
  EXPECT_EQ(report(), "");
}

// ---- lists by themselves ----

TEST_F(ListAppend, FindsAnAppendThatTookEffectTwice) {
  transaction({append(kX, 1)});
  transaction({append(kX, 2)});
  final_list(kX, {1, 2, 1});
  EXPECT_THAT(found(), ElementsAre("duplicate-element"));
  EXPECT_THAT(report(), HasSubstr("[1 2 1]: 1 is there twice"));
}

TEST_F(ListAppend, FindsAnElementThatNobodyAppended) {
  transaction({read(kX, {7})});
  EXPECT_THAT(found(), ElementsAre("unknown-element"));
}

TEST_F(ListAppend, FindsReadsThatDisagreeAboutTheOrder) {
  transaction({append(kX, 1)});
  transaction({append(kX, 2)});
  transaction({read(kX, {1, 2})});
  transaction({read(kX, {2})});
  EXPECT_THAT(found(), ElementsAre("incompatible-order"));
  EXPECT_THAT(report(), HasSubstr("transaction 4 read list 1 as [2], transaction 3 as [1 2]"));
}

TEST_F(ListAppend, FindsAnAcknowledgedElementThatIsGone) {
  transaction({append(kX, 1)});
  transaction({append(kX, 2)}).outcome = Outcome::kUnknown;
  final_list(kX, {});
  EXPECT_THAT(found(), ElementsAre("lost-element"));
  EXPECT_THAT(report(), HasSubstr("1 is not in list 1 in the end, but transaction 1 appended it"));
}

TEST_F(ListAppend, FindsAnUnacknowledgedElementThatIsGoneAfterItWasSeen) {
  transaction({append(kX, 1)}).outcome = Outcome::kUnknown;
  transaction({read(kX, {1})});
  final_list(kX, {});
  EXPECT_THAT(found(), ElementsAre("lost-element"));
}

TEST_F(ListAppend, FindsHalfOfATransaction) {
  transaction({append(kX, 1), append(kY, 1)}).outcome = Outcome::kUnknown;
  final_list(kX, {1});
  final_list(kY, {});
  EXPECT_THAT(found(), ElementsAre("lost-element"));
}

TEST_F(ListAppend, FindsATransactionThatDoesNotSeeItsOwnAppend) {
  transaction({append(kX, 1), read(kX, {})});
  EXPECT_THAT(found(), ElementsAre("internal"));
}

TEST_F(ListAppend, FindsATransactionThatSeesTwoStates) {
  transaction({append(kX, 1)});
  transaction({read(kX, {}), read(kX, {1})});
  EXPECT_THAT(found(), ElementsAre("internal"));
}

TEST_F(ListAppend, FindsAReadOfAFailedAppend) {
  transaction({append(kX, 1)}).outcome = Outcome::kFailed;
  transaction({read(kX, {1})});
  EXPECT_THAT(found(), ElementsAre("G1a"));
  EXPECT_THAT(report(), HasSubstr("transaction 2 read 1 in list 1, which transaction 1 appended, "
                                  "and that failed"));
}

TEST_F(ListAppend, FindsAReadInTheMiddleOfATransaction) {
  transaction({append(kX, 1), append(kX, 2)});
  transaction({read(kX, {1})});
  transaction({read(kX, {1, 2})});
  EXPECT_THAT(found(), testing::Contains("G1b"));
}

// ---- cycles in the data ----

TEST_F(ListAppend, FindsDirtyWrites) {
  transaction({append(kX, 1), append(kY, 1)});
  transaction({append(kX, 2), append(kY, 2)});
  final_list(kX, {1, 2});
  final_list(kY, {2, 1});
  EXPECT_THAT(found(), ElementsAre("G0"));
}

TEST_F(ListAppend, FindsCircularInformation) {
  transaction({append(kX, 1), read(kY, {2})});
  transaction({append(kY, 2), read(kX, {1})});
  EXPECT_THAT(found(), ElementsAre("G1c"));
}

TEST_F(ListAppend, FindsALostUpdate) {
  transaction({read(kX, {}), append(kX, 1)});
  transaction({read(kX, {}), append(kX, 2)});
  final_list(kX, {1, 2});
  EXPECT_EQ(
      report(),
      "G-single (lost update): a cycle of 2 transactions\n"
      "  T1 = transaction 2, process 2, from 2 to 1000002: read list 1 []; append 2 to list 1\n"
      "  T2 = transaction 1, process 1, from 1 to 1000001: read list 1 []; append 1 to list 1\n"
      "  T1 -> T2: T1 read list 1 without 1, which T2 appended (rw)\n"
      "  T2 -> T1: T2 appended to list 1 before T1 appended 2 (ww)\n");
}

TEST_F(ListAppend, FindsALostUpdateWhoseElementNobodySaw) {
  transaction({read(kX, {}), append(kX, 1)});
  transaction({read(kX, {}), append(kX, 2)});
  final_list(kX, {2});
  EXPECT_THAT(found(), ElementsAre("lost-element", "G-single"));
}

TEST_F(ListAppend, FindsReadSkew) {
  transaction({append(kX, 1), append(kY, 1)});
  transaction({read(kX, {}), read(kY, {1})});
  final_list(kX, {1});
  EXPECT_THAT(found(), ElementsAre("G-single"));
  EXPECT_THAT(report(), testing::Not(HasSubstr("lost update")));
}

TEST_F(ListAppend, FindsWriteSkew) {
  transaction({read(kX, {}), append(kY, 1)});
  transaction({read(kY, {}), append(kX, 2)});
  final_list(kX, {2});
  final_list(kY, {1});
  EXPECT_THAT(found(), ElementsAre("G2"));
}

TEST_F(ListAppend, FindsWriteSkewWhoseElementsNobodySaw) {
  transaction({read(kX, {}), append(kY, 1)});
  transaction({read(kY, {}), append(kX, 2)});
  EXPECT_THAT(found(), ElementsAre("G2"));
}

TEST_F(ListAppend,
       FindsAReadThatContradictsAConflictedOne) {  // snapshots count, whoever takes them
  transaction({append(kX, 1), append(kY, 1)});
  transaction({read(kX, {}), read(kY, {1}), append(kX, 2)}).outcome = Outcome::kFailed;
  final_list(kX, {1});
  EXPECT_THAT(found(), ElementsAre("G-single"));
}

// ---- cycles with an order ----

TEST_F(ListAppend, FindsAProcessThatDoesNotSeeItsOwnCommit) {
  at(transaction({append(kX, 1)}), 1, 2);
  Transaction& reader = transaction({read(kX, {})});
  at(reader, 3, 4);
  reader.process = ProcessId{1};
  reader.strict_since.reset();
  EXPECT_THAT(found(), ElementsAre("G-single-process"));
}

TEST_F(ListAppend, FindsAProcessWhoseViewsGoBack) {
  transaction({append(kX, 1)});
  for (const bool sees : {true, false}) {
    Transaction& reader = transaction({sees ? read(kX, {1}) : read(kX, {})});
    at(reader, sees ? 10 : 20, sees ? 11 : 21);
    reader.process = ProcessId{7};
    reader.strict_since.reset();
  }
  EXPECT_THAT(found(), ElementsAre("G-single-process"));
}

TEST_F(ListAppend, FindsAStaleReadAfterAFlush) {
  at(transaction({append(kX, 1)}), 1, 2);
  Transaction& reader = transaction({read(kX, {})});
  at(reader, 5, 6);
  reader.strict_since = Moment{3};
  EXPECT_EQ(report(),
            "G-single-realtime: a cycle of 2 transactions\n"
            "  T1 = transaction 2, process 2, from 5 to 6: read list 1 []\n"
            "  T2 = transaction 1, process 1, from 1 to 2: append 1 to list 1\n"
            "  T1 -> T2: T1 read list 1 without 1, which T2 appended (rw)\n"
            "  T2 -> T1: T2 had ended before T1's flush began\n");
}

TEST_F(ListAppend, FindsAStaleReadOfAWriter) {
  at(transaction({append(kX, 1)}), 1, 2);
  at(transaction({read(kX, {}), append(kY, 1)}), 3, 4);
  final_list(kX, {1});
  EXPECT_THAT(found(), ElementsAre("G-single-realtime"));
}

TEST_F(ListAppend, FindsWritesInTheWrongOrderOfTime) {
  at(transaction({append(kX, 1)}), 1, 2);
  at(transaction({append(kX, 2)}), 3, 4);
  final_list(kX, {2, 1});
  EXPECT_THAT(found(), ElementsAre("G0-realtime"));
}

TEST_F(ListAppend, KnowsThatTimePassesThroughOthers) {
  at(transaction({append(kX, 1)}), 1, 2);
  for (std::uint64_t i = 0; i < 50; ++i) {
    at(transaction({append(ListId{100 + i}, 1)}), 3 + 2 * i, 4 + 2 * i);
  }
  at(transaction({read(kX, {}), append(kY, 1)}), 500, 501);
  EXPECT_THAT(found(), ElementsAre("G-single-realtime"));
  EXPECT_THAT(report(), HasSubstr("a cycle of 2 transactions"));
}

// ---- much at once ----

TEST_F(ListAppend, JudgesALongHistoryInNoTime) {
  std::vector<std::uint64_t> now;
  for (std::uint64_t i = 1; i <= 20'000; ++i) {
    if (i % 100 == 1) now.clear();
    const ListId list{i / 100 + (i % 100 == 0 ? 0 : 1)};
    Transaction& next = transaction({read(list, now), append(list, i)});
    at(next, 2 * i, 2 * i + 1);
    next.process = ProcessId{i % 8};
    now.push_back(i);
  }
  EXPECT_EQ(report(), "");
}

TEST_F(ListAppend, EndsSoonWhenEverythingIsWrong) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t i = 1; i <= 2'000; ++i) {
    transaction({read(kX, {}), append(kX, i)});
    all.push_back(i);
  }
  final_list(kX, all);
  EXPECT_THAT(found(), ElementsAre("G-single"));
}

}  // namespace
}  // namespace odb::list_append
