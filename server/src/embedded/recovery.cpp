#include "recovery.h"

#include <utility>

#include "damage.h"

namespace odb::server::embedded {

namespace {

Error damaged_at(const WalDamage& damage) {
  return damaged(damage.to_string() +
                 ", before or within what was acknowledged; restore it from a backup");
}

// Whether this may be what a batch left behind that nobody was told of.
bool may_be_unfinished(const Mark& mark, const WalDamage& damage, Boot boot) {
  if (mark.state == Mark::State::kEnded) return false;  // nothing was being written
  if (boot == Boot::kSame) {
    // A process that is killed leaves the beginning of what it wrote, and nothing else.
    return damage.shape == WalDamage::Shape::kCutOff && !damage.is_followed;
  }
  // A machine that fails leaves any of the pages that it had not synced. With kCommit a batch is
  // begun when the one before is on the disk, so what is followed by another one was whole.
  return mark.durability != Durability::kCommit || !damage.is_followed;
}

}  // namespace

Result<Recovery> decide(const Mark& mark, const WalScan& scan, Boot boot) {
  const bool all_is_synced = mark.state != Mark::State::kServing;
  Recovery recovery;
  recovery.sequence_least = boot == Boot::kSame || all_is_synced ? mark.acknowledged : mark.synced;
  recovery.may_have_lost =
      boot == Boot::kAnother && !all_is_synced && mark.durability != Durability::kCommit;
  if (!scan.damage) return recovery;
  const WalDamage& damage = *scan.damage;
  if (!may_be_unfinished(mark, damage, boot)) return damaged_at(damage);
  // What is whole may end before the log does: it is then in RocksDB's tables, and whether it
  // reaches far enough is seen when they are open.
  const bool falls_short = scan.last_sequence != 0 && scan.last_sequence < recovery.sequence_least;
  if (falls_short) return damaged_at(damage);
  recovery.cut = WalCut{damage.file, damage.offset, damage.later_files};
  return recovery;
}

}  // namespace odb::server::embedded
