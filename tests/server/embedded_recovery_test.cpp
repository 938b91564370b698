// What is made of a data directory's marks and logs at the start, without any directory.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "embedded/checksum.h"
#include "embedded/recovery.h"

namespace odb::server::embedded {
namespace {

// Writes logs as RocksDB does.
class LogWriter {
 public:
  // Batches of one single write each, of so many bytes.
  LogWriter& add(std::uint64_t sequence, std::size_t size = 40) {
    std::string batch = little(sequence, 8) + little(1, 4);
    while (batch.size() < size) batch += static_cast<char>('a' + batch.size() % 26);
    std::string_view left = batch;
    bool is_first = true;
    do {
      const std::size_t room = kBlock - bytes_.size() % kBlock;
      if (room < 7) {
        bytes_.append(room, '\0');
        continue;
      }
      const std::string_view part = left.substr(0, room - 7);
      left.remove_prefix(part.size());
      const int kind = is_first ? (left.empty() ? 1 : 2) : (left.empty() ? 4 : 3);
      is_first = false;
      std::string guarded(1, static_cast<char>(kind));
      guarded += part;
      const std::uint32_t sum = checksum(guarded);
      bytes_ += little(((sum >> 15) | (sum << 17)) + 0xA282EAD8u, 4);
      bytes_ += little(part.size(), 2) + guarded;
    } while (!left.empty());
    ends_.push_back(bytes_.size());
    return *this;
  }
  const std::string& bytes() const { return bytes_; }
  const std::vector<std::size_t>& ends() const { return ends_; }  // of the batches

 private:
  static constexpr std::size_t kBlock = 32 * 1024;
  static std::string little(std::uint64_t number, int size) {
    std::string bytes;
    for (int i = 0; i < size; ++i) bytes += static_cast<char>(number >> (8 * i) & 0xFF);
    return bytes;
  }
  std::string bytes_;
  std::vector<std::size_t> ends_;
};

TEST(EmbeddedChecksum, IsCrc32c) {
  EXPECT_EQ(checksum("123456789"), 0xE3069283u);
  EXPECT_EQ(checksum("56789", checksum("1234")), 0xE3069283u);
  EXPECT_EQ(checksum(std::string(32, '\0')), 0x8A9136AAu);
}

// ---- marks ----

Mark example() {
  Mark mark;
  mark.number = 7;
  mark.acknowledged = 1000;
  mark.synced = 900;
  mark.state = Mark::State::kServing;
  mark.durability = Durability::kInterval;
  mark.boot = "0c8b1f2e-1111-2222-3333-444455556666";
  return mark;
}

std::string file_of(const Mark& even, const Mark& odd) {
  std::string file = encode(even);
  file.resize(kMarkPlaceBytes);
  return file + encode(odd);
}

TEST(EmbeddedMark, IsReadBackAndTheNewestCounts) {
  Mark newer = example();
  newer.number = 8;
  newer.state = Mark::State::kEnded;
  EXPECT_EQ(newest_mark(encode(example())), example());
  EXPECT_EQ(newest_mark(file_of(newer, example())), newer);
  EXPECT_EQ(newest_mark(file_of(example(), newer)), newer);
}

TEST(EmbeddedMark, OneThatIsNotWholeDoesNotCount) {
  Mark newer = example();
  newer.number = 8;
  const std::string whole = file_of(newer, example());
  for (std::size_t i = 0; i < kMarkBytes; ++i) {
    std::string torn = whole;
    torn[i] ^= 1;
    EXPECT_EQ(newest_mark(torn), example()) << i;
  }
  EXPECT_EQ(newest_mark(whole.substr(0, kMarkBytes - 1)), std::nullopt);
  EXPECT_EQ(newest_mark(std::string(2 * kMarkPlaceBytes, '\0')), std::nullopt);
}

// ---- logs ----

TEST(EmbeddedWal, AWholeOneIsReadToItsEnd) {
  EXPECT_EQ(scan_wal_bytes("").last_sequence, 0u);
  LogWriter log;
  for (std::uint64_t i = 5; i <= 60; ++i) log.add(i, 1000 * (i % 70) + 12);
  const WalScan scan = scan_wal_bytes(log.bytes());
  EXPECT_FALSE(scan.damage);
  EXPECT_EQ(scan.last_sequence, 60u);
}

TEST(EmbeddedWal, OneThatIsCutOffAnywhereEndsWithTheLastWholeBatch) {
  LogWriter log;
  log.add(1).add(2, 32'650).add(3, 70'000).add(4);  // over the ends of blocks
  for (std::size_t size = 0; size < log.bytes().size(); ++size) {
    if (size > 200 && size % 32'768 > 50 && size % 32'768 < 32'700 && size % 997 != 0) continue;
    const WalScan scan = scan_wal_bytes(std::string_view(log.bytes()).substr(0, size));
    std::size_t whole = 0;
    while (whole < 4 && log.ends()[whole] <= size) ++whole;
    EXPECT_EQ(scan.last_sequence, whole) << size;
    const std::size_t end = whole == 0 ? 0 : log.ends()[whole - 1];
    if (size == end || !scan.damage) {
      // Only what fills up a block may be there beside whole batches.
      EXPECT_LT(size - end, 7u) << size;
      continue;
    }
    EXPECT_EQ(scan.damage->shape, WalDamage::Shape::kCutOff) << size;
    EXPECT_EQ(scan.damage->offset, end) << size;
    EXPECT_FALSE(scan.damage->is_followed) << size;
  }
}

TEST(EmbeddedWal, AFlippedBitAnywhereIsFoundAndSoIsWhatFollowsIt) {
  LogWriter log;
  for (std::uint64_t i = 1; i <= 5; ++i) log.add(i, 60);
  for (std::size_t at = 0; at < log.bytes().size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bytes = log.bytes();
      bytes[at] ^= static_cast<char>(1 << bit);
      const WalScan scan = scan_wal_bytes(bytes);
      std::size_t hit = 0;
      while (log.ends()[hit] <= at) ++hit;
      ASSERT_TRUE(scan.damage) << at << " " << bit;
      EXPECT_EQ(scan.last_sequence, hit) << at;
      EXPECT_EQ(scan.damage->offset, hit == 0 ? 0 : log.ends()[hit - 1]) << at;
      if (scan.damage->shape == WalDamage::Shape::kGarbled) {
        EXPECT_EQ(scan.damage->is_followed, hit < 4) << at << " " << bit;
      }
    }
  }
}

TEST(EmbeddedWal, ZerosAndGapsAreDamage) {
  LogWriter log;
  log.add(1).add(2);
  const WalScan zeros = scan_wal_bytes(log.bytes() + std::string(100, '\0'));
  ASSERT_TRUE(zeros.damage);
  EXPECT_EQ(zeros.last_sequence, 2u);
  EXPECT_EQ(zeros.damage->shape, WalDamage::Shape::kGarbled);
  EXPECT_FALSE(zeros.damage->is_followed);

  LogWriter gap;
  gap.add(1).add(3).add(4);
  const WalScan scan = scan_wal_bytes(gap.bytes());
  ASSERT_TRUE(scan.damage);
  EXPECT_EQ(scan.last_sequence, 1u);
  EXPECT_TRUE(scan.damage->is_followed);
}

TEST(EmbeddedWal, ALaterBatchIsFoundInAnotherBlock) {
  LogWriter log;
  log.add(1, 50'000).add(2, 50'000).add(3, 50'000);
  std::string bytes = log.bytes();
  bytes[60'000] ^= 1;
  EXPECT_TRUE(scan_wal_bytes(bytes).damage->is_followed);
  bytes = log.bytes();
  bytes[110'000] ^= 1;  // within the last; its own beginning is whole
  const WalScan scan = scan_wal_bytes(bytes);
  EXPECT_EQ(scan.last_sequence, 2u);
  EXPECT_FALSE(scan.damage->is_followed);
}

// ---- what is made of them ----

struct Case {
  Durability durability = Durability::kCommit;
  Mark::State state = Mark::State::kServing;
  Boot boot = Boot::kSame;
};

Result<Recovery> decide_on(const Case& given, const WalScan& scan) {
  Mark mark = example();  // 1000 acknowledged, 900 of them synced
  mark.durability = given.durability;
  mark.state = given.state;
  if (given.durability == Durability::kCommit) mark.synced = mark.acknowledged;
  return decide(mark, scan, given.boot);
}

enum class Followed : std::uint8_t { kNo, kYes };

WalScan damaged_behind(std::uint64_t sequence, WalDamage::Shape shape,
                       Followed followed = Followed::kNo) {
  WalScan scan;
  scan.last_sequence = sequence;
  scan.last_file = "/d/000012.log";
  WalDamage& damage = scan.damage.emplace();
  damage.file = scan.last_file;
  damage.offset = 345;
  damage.shape = shape;
  damage.is_followed = followed == Followed::kYes;
  return scan;
}

constexpr auto kCutOff = WalDamage::Shape::kCutOff;
constexpr auto kGarbled = WalDamage::Shape::kGarbled;

TEST(EmbeddedRecovery, WholeLogsNeedReachOnlyWhatIsKnownToBeThere) {
  const WalScan whole;
  EXPECT_EQ(decide_on({}, whole)->sequence_least, 1000u);
  const Case interval{Durability::kInterval, Mark::State::kServing, Boot::kAnother};
  EXPECT_EQ(decide_on(interval, whole)->sequence_least, 900u);
  const Case killed{Durability::kInterval, Mark::State::kServing, Boot::kSame};
  EXPECT_EQ(decide_on(killed, whole)->sequence_least, 1000u) << "written is enough";
  const Case at_rest{Durability::kInterval, Mark::State::kAtRest, Boot::kAnother};
  EXPECT_EQ(decide_on(at_rest, whole)->sequence_least, 1000u);
}

TEST(EmbeddedRecovery, OnlyAMachineThatFailedCanHaveLostWhatWasAcknowledged) {
  for (const Durability durability :
       {Durability::kCommit, Durability::kInterval, Durability::kOs}) {
    for (const auto state : {Mark::State::kServing, Mark::State::kAtRest, Mark::State::kEnded}) {
      for (const Boot boot : {Boot::kSame, Boot::kAnother}) {
        const bool expected = durability != Durability::kCommit && state == Mark::State::kServing &&
                              boot == Boot::kAnother;
        EXPECT_EQ(decide_on({durability, state, boot}, {})->may_have_lost, expected);
      }
    }
  }
}

TEST(EmbeddedRecovery, WhatNobodyWasToldOfIsCutOff) {
  for (const Boot boot : {Boot::kSame, Boot::kAnother}) {
    const auto torn = decide_on({.boot = boot}, damaged_behind(1000, kCutOff));
    ASSERT_TRUE(torn) << torn.error().message;
    ASSERT_TRUE(torn->cut);
    EXPECT_EQ(torn->cut->file, "/d/000012.log");
    EXPECT_EQ(torn->cut->offset, 345u);
  }
  EXPECT_TRUE(decide_on({.boot = Boot::kAnother}, damaged_behind(1000, kGarbled)));
  EXPECT_TRUE(decide_on({.boot = Boot::kAnother}, damaged_behind(0, kCutOff)))
      << "what was acknowledged may be in the tables: they will tell";
}

TEST(EmbeddedRecovery, WhatWasAcknowledgedIsRefusedByTheNameOfItsFile) {
  const std::vector<std::pair<Case, WalScan>> refused = {
      // It ends before what was acknowledged.
      {{.boot = Boot::kSame}, damaged_behind(999, kCutOff)},
      {{.boot = Boot::kAnother}, damaged_behind(999, kCutOff)},
      {{.boot = Boot::kAnother}, damaged_behind(999, kGarbled)},
      // Something was begun after it: it had been synced.
      {{.boot = Boot::kAnother}, damaged_behind(1000, kGarbled, Followed::kYes)},
      // A process that is killed writes nothing wrong.
      {{.boot = Boot::kSame}, damaged_behind(1000, kGarbled)},
      {{Durability::kOs, Mark::State::kServing, Boot::kSame}, damaged_behind(1000, kGarbled)},
      // It had ended in an orderly way.
      {{.state = Mark::State::kEnded, .boot = Boot::kAnother}, damaged_behind(1000, kCutOff)},
      // It had been synced.
      {{Durability::kInterval, Mark::State::kServing, Boot::kAnother},
       damaged_behind(899, kGarbled)},
  };
  for (std::size_t i = 0; i < refused.size(); ++i) {
    const auto decided = decide_on(refused[i].first, refused[i].second);
    ASSERT_FALSE(decided) << i;
    EXPECT_EQ(decided.error().code, ErrorCode::kDataDamaged);
    EXPECT_NE(decided.error().message.find("/d/000012.log"), std::string::npos);
  }
}

TEST(EmbeddedRecovery, WhatWasNotSyncedMayBeInAnyState) {
  const Case failed{Durability::kInterval, Mark::State::kServing, Boot::kAnother};
  const auto decided = decide_on(failed, damaged_behind(950, kGarbled, Followed::kYes));
  ASSERT_TRUE(decided) << decided.error().message;
  EXPECT_TRUE(decided->cut);
  EXPECT_TRUE(decided->may_have_lost);
}

}  // namespace
}  // namespace odb::server::embedded
