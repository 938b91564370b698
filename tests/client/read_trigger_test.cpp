// Which commits touch what was read, and when a watch wakes for them.
#include "odb/client/detail/read_trigger.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "odb/client/detail/read_watch.h"
#include "odb/core/key_codec.h"
#include "typed_support.h"
#include "typed_todo.h"

namespace odb::test {
namespace {

using detail::ReadTrigger;
using detail::ReadWatch;
using Wake = ReadWatch::Wake;

constexpr TypeId kTask{1};
constexpr TypeId kPerson{2};
constexpr FieldId kTitle{0};
constexpr FieldId kStatus{2};
constexpr IndexId kByStatus{1};
constexpr IndexId kByTitle{2};
constexpr ObjectId kFirst{7};
constexpr ObjectId kSecond{8};
constexpr Version kRead{10};
constexpr std::chrono::milliseconds kNoTime{0};

class Changes {
 public:
  Change empty(Version version = next(kRead)) {
    return {version, "ada", {}, {}, {}, {}, {}, cache_.view()};
  }
  Change written(ObjectId object, FieldId field, Version version = next(kRead)) {
    Change change = empty(version);
    change.changed.push_back({{kTask, object}, {field}});
    return change;
  }
  Change created(TypeId type, ObjectId object) {
    Change change = empty();
    change.created.push_back({{type, object}, {kTitle}});
    return change;
  }
  Change deleted(TypeId type, ObjectId object) {
    Change change = empty();
    change.deleted.push_back({{type, object}, {}});
    return change;
  }
  Change added(IndexId index, const std::string& value) {
    Change change = empty();
    change.index_additions.push_back({index, {Value::text(value)}, {kTask, kFirst}});
    return change;
  }
  Change removed(IndexId index, const std::string& value) {
    Change change = empty();
    change.index_removals.push_back({index, {Value::text(value)}, {kTask, kFirst}});
    return change;
  }

 private:
  TypedCache cache_{todo_schema()};
};

std::string key(const std::string& text) { return encode_key(std::vector{Value::text(text)}); }

ReadTrigger trigger(ReadSet reads) {
  ReadTrigger trigger;
  trigger.add(std::move(reads), kRead);
  return trigger;
}

ReadSet cell() { return {.cells = {{kTask, kTitle, kFirst}}}; }

TEST(ReadTrigger, ACellIsTouchedByAWriteOfThisFieldOfThisObjectOnly) {
  Changes changes;
  const ReadTrigger reads = trigger(cell());
  EXPECT_TRUE(reads.is_touched_by(changes.written(kFirst, kTitle)));
  EXPECT_FALSE(reads.is_touched_by(changes.written(kFirst, kStatus)));
  EXPECT_FALSE(reads.is_touched_by(changes.written(kSecond, kTitle)));
  EXPECT_FALSE(reads.is_touched_by(changes.created(kTask, kSecond)));
  EXPECT_FALSE(reads.is_touched_by(changes.deleted(kTask, kSecond)));
  EXPECT_FALSE(reads.is_touched_by(changes.added(kByStatus, "open")));
  EXPECT_FALSE(reads.is_touched_by(changes.empty()));
}

TEST(ReadTrigger, ACellIsTouchedWhenItsObjectGoes) {
  Changes changes;
  EXPECT_TRUE(trigger(cell()).is_touched_by(changes.deleted(kTask, kFirst)));
}

TEST(ReadTrigger, WhatTheReadSawAlreadyDoesNotTouchIt) {
  Changes changes;
  EXPECT_FALSE(trigger(cell()).is_touched_by(changes.written(kFirst, kTitle, kRead)));
  EXPECT_FALSE(trigger(cell()).is_touched_by(changes.written(kFirst, kTitle, previous(kRead))));
}

TEST(ReadTrigger, ExistenceIsTouchedByCreationAndDeletionNotByWrites) {
  Changes changes;
  const ReadTrigger reads = trigger({.existences = {{kTask, kFirst}}});
  EXPECT_TRUE(reads.is_touched_by(changes.created(kTask, kFirst)));
  EXPECT_TRUE(reads.is_touched_by(changes.deleted(kTask, kFirst)));
  EXPECT_FALSE(reads.is_touched_by(changes.written(kFirst, kTitle)));
  EXPECT_FALSE(reads.is_touched_by(changes.created(kTask, kSecond)));
}

TEST(ReadTrigger, MembershipIsTouchedByTheTypesObjectsComingAndGoing) {
  Changes changes;
  const ReadTrigger reads = trigger({.memberships = {{kTask}}});
  EXPECT_TRUE(reads.is_touched_by(changes.created(kTask, kSecond)));
  EXPECT_TRUE(reads.is_touched_by(changes.deleted(kTask, kSecond)));
  EXPECT_FALSE(reads.is_touched_by(changes.written(kFirst, kTitle)));
  EXPECT_FALSE(reads.is_touched_by(changes.created(kPerson, kSecond)));
}

TEST(ReadTrigger, AnIndexValueIsTouchedByItsOwnEntriesOnly) {
  Changes changes;
  const ReadTrigger reads =
      trigger({.indexes = {{kByTitle, key("b")}, {kByStatus, key("open")}, {kByStatus, ""}}});
  EXPECT_TRUE(reads.is_touched_by(changes.added(kByStatus, "open")));
  EXPECT_TRUE(reads.is_touched_by(changes.removed(kByStatus, "open")));
  EXPECT_TRUE(reads.is_touched_by(changes.removed(kByTitle, "b")));
  EXPECT_FALSE(reads.is_touched_by(changes.added(kByStatus, "done")));
  EXPECT_FALSE(reads.is_touched_by(changes.added(kByTitle, "open")));
}

TEST(ReadTrigger, ARangeIsTouchedByKeysInsideIt) {
  Changes changes;
  const ReadTrigger reads =
      trigger({.ranges = {{kByTitle, key("b"), key("d")}, {kByTitle, key("x"), key("z")}}});
  EXPECT_TRUE(reads.is_touched_by(changes.added(kByTitle, "b")));
  EXPECT_TRUE(reads.is_touched_by(changes.removed(kByTitle, "c")));
  EXPECT_TRUE(reads.is_touched_by(changes.added(kByTitle, "y")));
  EXPECT_FALSE(reads.is_touched_by(changes.added(kByTitle, "a")));
  EXPECT_FALSE(reads.is_touched_by(changes.added(kByTitle, "d")));
  EXPECT_FALSE(reads.is_touched_by(changes.added(kByStatus, "c")));
}

TEST(ReadTrigger, PartsReadAtSeveralVersionsAreJudgedEachByItsOwn) {
  Changes changes;
  ReadTrigger reads = trigger(cell());
  reads.add({.cells = {{kTask, kStatus, kFirst}}}, Version{kRead.value + 5});
  EXPECT_TRUE(reads.is_touched_by(changes.written(kFirst, kTitle, Version{kRead.value + 5})));
  EXPECT_FALSE(reads.is_touched_by(changes.written(kFirst, kStatus, Version{kRead.value + 5})));
  EXPECT_TRUE(reads.is_touched_by(changes.written(kFirst, kStatus, Version{kRead.value + 6})));
}

// ---- the watch, without a connection ----

TEST(ReadWatch, KeepsWhatComesBeforeItIsToldWhatWasRead) {
  Changes changes;
  ReadWatch watch;
  watch.begin();
  watch.note(changes.written(kFirst, kStatus));
  watch.note(changes.written(kFirst, kTitle));
  watch.arm(trigger(cell()), {});
  EXPECT_EQ(watch.wait(kNoTime, {}), Wake::kTouched);

  watch.begin();
  watch.note(changes.written(kFirst, kTitle, kRead));
  watch.note(changes.written(kFirst, kStatus));
  watch.arm(trigger(cell()), {});
  EXPECT_EQ(watch.wait(kNoTime, {}), Wake::kTimeout);
}

TEST(ReadWatch, JudgesWhatComesLater) {
  Changes changes;
  ReadWatch watch;
  watch.begin();
  watch.arm(trigger(cell()), {});
  watch.note(changes.written(kSecond, kTitle));
  EXPECT_EQ(watch.wait(kNoTime, {}), Wake::kTimeout);
  watch.note(changes.written(kFirst, kTitle));
  watch.note(changes.written(kSecond, kTitle));
  EXPECT_EQ(watch.wait(kNoTime, {}), Wake::kTouched);
}

TEST(ReadWatch, ForgetsWithTheNextRunWhatWokeIt) {
  Changes changes;
  ReadWatch watch;
  watch.begin();
  watch.arm(trigger(cell()), {});
  watch.note(changes.written(kFirst, kTitle));
  watch.begin();
  ReadTrigger newer;
  newer.add(cell(), next(kRead));
  watch.arm(std::move(newer), {});
  EXPECT_EQ(watch.wait(kNoTime, {}), Wake::kTimeout);
}

TEST(ReadWatch, KeepsNothingButDuringARun) {
  Changes changes;
  ReadWatch watch;
  const auto is_kept = [&] {
    Change change = changes.written(kFirst, kTitle);
    const std::weak_ptr<const detail::Snapshot> view = change.view.shared_snapshot();
    watch.note(change);
    change.view = changes.empty().view;
    return !view.expired();
  };
  EXPECT_FALSE(is_kept()) << "before the first run";
  watch.begin();
  EXPECT_TRUE(is_kept());
  watch.arm(trigger({.existences = {{kTask, kSecond}}}), {});
  EXPECT_FALSE(is_kept()) << "judged at once";
  watch.begin();
  EXPECT_TRUE(is_kept());
  watch.abandon();
  EXPECT_FALSE(is_kept()) << "after a run that failed";
  EXPECT_FALSE(watch.is_armed());
}

TEST(ReadWatch, WakesUnseenWhenMoreCameThanItKeeps) {
  Changes changes;
  Change large = changes.empty();
  large.changed.resize(ReadWatch::kKeptMax / 2, {{kTask, kSecond}, {kStatus}});
  ReadWatch watch;
  watch.begin();
  watch.note(large);
  watch.arm(trigger(cell()), {});
  EXPECT_EQ(watch.wait(kNoTime, {}), Wake::kTimeout) << "as many as it keeps";
  watch.begin();
  watch.note(large);
  watch.note(large);
  watch.arm(trigger(cell()), {});
  EXPECT_EQ(watch.wait(kNoTime, {}), Wake::kTouched);
}

TEST(ReadWatch, WakesAtItsTime) {
  ReadWatch watch;
  watch.begin();
  watch.arm({}, std::chrono::system_clock::now() + std::chrono::hours(1));
  EXPECT_FALSE(watch.will_never_wake());
  EXPECT_EQ(watch.wait(kNoTime, {}), Wake::kTimeout);
  watch.begin();
  const auto time = std::chrono::system_clock::now() + std::chrono::milliseconds(20);
  watch.arm({}, time);
  EXPECT_EQ(watch.wait({}, {}), Wake::kTime);
  EXPECT_GE(std::chrono::system_clock::now(), time);
}

TEST(ReadWatch, NothingReadAndNoTimeNeverWakes) {
  ReadWatch watch;
  EXPECT_FALSE(watch.will_never_wake());
  watch.begin();
  watch.arm({}, {});
  EXPECT_TRUE(watch.will_never_wake());
}

TEST(ReadWatch, StoppingAndTheEndOfTheConnectionComeFirst) {
  Changes changes;
  ReadWatch watch;
  watch.begin();
  watch.arm(trigger(cell()), {});
  watch.note(changes.written(kFirst, kTitle));
  watch.note_end({ErrorCode::kDisconnected, "gone"});
  EXPECT_EQ(watch.wait({}, {}), Wake::kDisconnected);
  EXPECT_FALSE(watch.pause(std::chrono::hours(1), {}));
  watch.stop();
  EXPECT_EQ(watch.wait({}, {}), Wake::kStopped);
  watch.resume();
  EXPECT_EQ(watch.wait({}, {}), Wake::kDisconnected);
  EXPECT_EQ(watch.end_reason()->message, "gone");
}

TEST(ReadWatch, AWaitEndsWithWhatWhileWaitingThrows) {
  ReadWatch watch;
  watch.begin();
  watch.arm(trigger(cell()), {});
  EXPECT_THROW(watch.wait({}, [] { throw std::runtime_error("interrupted"); }), std::runtime_error);
}

}  // namespace
}  // namespace odb::test
