// What Redis does for us in one step. Every script first checks that this server still owns the
// database; what it writes first is what fails when Redis takes no writes, so that each writes
// everything or nothing.
#pragma once

namespace odb::server::redis {

// Errors that the scripts themselves give.
inline constexpr const char* kNotOwner = "ODBOWNER";        // then who is, or "nobody"
inline constexpr const char* kWrongVersion = "ODBVERSION";  // then the version that it has
inline constexpr const char* kWrongFormat = "ODBFORMAT";

// KEYS meta, log, outcomes, schema. ARGV fence, version before, version after, first version kept
// in the log, rows added (may be negative), OutcomeTable::forgotten_up_to, then how many arguments
// each of these has: fields of the log entry, outcomes to set, outcomes to forget, types, rows to
// set, rows to unlink; then all of them.
inline constexpr const char* kAppend = R"lua(
local meta = redis.call('HMGET', KEYS[1], 'fence', 'version', 'owner_name')
if meta[1] ~= ARGV[1] then return redis.error_reply('ODBOWNER ' .. (meta[3] or 'nobody')) end
if meta[2] ~= ARGV[2] then return redis.error_reply('ODBVERSION ' .. (meta[2] or 'none')) end
local call = redis.call
local at = 13
local function run(count, command, key)
  local last = at + count - 1
  while at <= last do
    local upto = math.min(at + 3999, last)
    if key then
      call(command, key, unpack(ARGV, at, upto))
    else
      call(command, unpack(ARGV, at, upto))
    end
    at = upto + 1
  end
end
local fields = at + ARGV[7]
if ARGV[7] ~= '0' then
  call('XADD', KEYS[2], 'MINID', '~', ARGV[4], ARGV[3] .. '-0', unpack(ARGV, at, fields - 1))
end
at = fields
if ARGV[8] ~= '0' then run(ARGV[8], 'HSET', KEYS[3]) end
if ARGV[9] ~= '0' then run(ARGV[9], 'HDEL', KEYS[3]) end
if ARGV[10] ~= '0' then run(ARGV[10], 'HSET', KEYS[4]) end
if ARGV[5] ~= '0' then call('HINCRBY', KEYS[1], 'rows', ARGV[5]) end
call('HSET', KEYS[1], 'version', ARGV[3])
if ARGV[6] ~= '0' then call('HSET', KEYS[1], 'outcomes_forgotten_up_to', ARGV[6]) end
if ARGV[11] ~= '0' then run(ARGV[11], 'MSET') end
if ARGV[12] ~= '0' then run(ARGV[12], 'UNLINK') end
return 1
)lua";

// KEYS meta. ARGV fence, then field and value pairs to set.
inline constexpr const char* kNote = R"lua(
local meta = redis.call('HMGET', KEYS[1], 'fence', 'owner_name')
if meta[1] ~= ARGV[1] then return redis.error_reply('ODBOWNER ' .. (meta[2] or 'nobody')) end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return 1
)lua";

// KEYS meta, lease. ARGV id of this owner, its name, its process, lease time in ms, id of an owner
// known to be dead, format. Gives {1, fence}, or {0, id, name, process, ms left} of the owner.
inline constexpr const char* kTake = R"lua(
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[1] and holder ~= ARGV[5] then
  local meta = redis.call('HMGET', KEYS[1], 'owner_name', 'owner_process')
  return {0, holder, meta[1] or '', meta[2] or '', redis.call('PTTL', KEYS[2])}
end
local format = redis.call('HGET', KEYS[1], 'format')
if format and format ~= ARGV[6] then return redis.error_reply('ODBFORMAT ' .. format) end
local epoch = redis.call('HINCRBY', KEYS[1], 'epoch', 1)
local fence = tostring(epoch) .. ':' .. ARGV[1]
redis.call('HSET', KEYS[1], 'format', ARGV[6], 'fence', fence, 'owner', ARGV[1],
           'owner_name', ARGV[2], 'owner_process', ARGV[3])
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[4])
return {1, fence}
)lua";

// KEYS meta, lease. ARGV id of this owner, lease time in ms. After a lost connection: what it still
// carried must not arrive any more. Gives {1, fence, history, version}, or {0, owner's name}.
inline constexpr const char* kResume = R"lua(
local meta = redis.call('HMGET', KEYS[1], 'owner', 'history', 'version', 'owner_name')
if meta[1] ~= ARGV[1] then return {0, meta[4] or 'nobody'} end
local epoch = redis.call('HINCRBY', KEYS[1], 'epoch', 1)
local fence = tostring(epoch) .. ':' .. ARGV[1]
redis.call('HSET', KEYS[1], 'fence', fence)
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return {1, fence, meta[2] or '', meta[3] or ''}
)lua";

// KEYS meta, lease. ARGV fence, id of this owner, lease time in ms.
inline constexpr const char* kRenew = R"lua(
local meta = redis.call('HMGET', KEYS[1], 'fence', 'owner_name')
if meta[1] ~= ARGV[1] then return redis.error_reply('ODBOWNER ' .. (meta[2] or 'nobody')) end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 1
)lua";

// KEYS meta, lease. ARGV fence, "clean" when everything up to the version is there: the mark is the
// last to be written.
inline constexpr const char* kRelease = R"lua(
local meta = redis.call('HMGET', KEYS[1], 'fence', 'version')
if meta[1] ~= ARGV[1] then return 0 end
if ARGV[2] == 'clean' and meta[2] then redis.call('HSET', KEYS[1], 'clean', meta[2]) end
redis.call('DEL', KEYS[2])
return 1
)lua";

// KEYS meta. ARGV fence, history, run id of this Redis, mark of filling or nothing.
inline constexpr const char* kBegin = R"lua(
local meta = redis.call('HMGET', KEYS[1], 'fence', 'owner_name')
if meta[1] ~= ARGV[1] then return redis.error_reply('ODBOWNER ' .. (meta[2] or 'nobody')) end
redis.call('HSET', KEYS[1], 'history', ARGV[2], 'run_id', ARGV[3])
redis.call('HSETNX', KEYS[1], 'version', '0')
redis.call('HSETNX', KEYS[1], 'ids_below', '1')
redis.call('HSETNX', KEYS[1], 'rows', '0')
redis.call('HDEL', KEYS[1], 'clean', 'lost', 'filling')
if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], 'filling', ARGV[4]) end
return 1
)lua";

}  // namespace odb::server::redis
