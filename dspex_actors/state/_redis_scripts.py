"""What the redis backend keeps, and the scripts that change it: each is one atomic act.

For a prefix P (in braces: a cluster keeps all of a store in one slot):

| key | kind | holds |
|---|---|---|
| `{P}:format` | string | number of this layout |
| `{P}:ids` | sorted set, all scores 0 | the ids, sorted by their bytes, which is by code point |
| `{P}:rows:ID` | sorted set by revision | a packed row for each version: what is not here is not stored |
| `{P}:bodies:ID` | hash | body by revision |
| `{P}:times:ID` | sorted set by time | revisions |
| `{P}:labels:ID` | sorted set, all scores 0 | label, NUL, revision of 16 digits; without deletions |
| `{P}:holds:ID` | hash | by revision how many snapshots name it |
| `{P}:snapshots` | sorted set, all scores 0 | names of the snapshots |
| `{P}:snapshot:NAME` | hash | `created_us`, `about`, `items` |

A script that Redis stops in its middle keeps what it has done by then. So all is checked first, and the row
is written last: what lies about without its row is overwritten by the next version of this revision.
"""

from __future__ import annotations

from typing import Final

FORMAT: Final = b"1"

FIELDS: Final = 6
"""Arguments of `APPEND` for each version: id, revision, row, body, time, member of labels or nothing."""

# KEYS: ids, and for each version rows, bodies, times, labels. ARGV: channel, 'all' or 'each', and FIELDS for
# each version. Returns a number for each: -1 if it was or would be stored, else the revision of its id.
APPEND: Final = b"""
local at, refused, results, all = {}, {}, {}, true
for i = 1, (#ARGV - 2) / 6 do
  local id, revision, rows = ARGV[6 * i - 3], tonumber(ARGV[6 * i - 2]), KEYS[4 * i - 2]
  if not at[id] then
    local newest = redis.call('ZREVRANGE', rows, 0, 0, 'WITHSCORES')
    at[id] = tonumber(newest[2] or 0)
  end
  if revision == at[id] + 1 and not refused[id] then
    at[id] = revision
    results[i] = -1
  else
    results[i] = at[id]
    refused[id] = ARGV[2] == 'each'
    all = false
  end
end
if not all and ARGV[2] == 'all' then return results end
for id in pairs(at) do redis.call('PUBLISH', ARGV[1], id) end
for i = 1, #results do
  if results[i] == -1 then
    local id, revision, row, body, time, label = unpack(ARGV, 6 * i - 3, 6 * i + 2)
    redis.call('HSET', KEYS[4 * i - 1], revision, body)
    redis.call('ZADD', KEYS[4 * i], time, revision)
    if label ~= '' then redis.call('ZADD', KEYS[4 * i + 1], 0, label) end
    redis.call('ZADD', KEYS[1], 0, id)
    redis.call('ZADD', KEYS[4 * i - 2], revision, row)
  end
end
return results
"""

# KEYS: rows, bodies, times, labels. ARGV: how to find it, with what. Returns nothing, or revision, row, body.
# What the newest version is stands in two places, so that it is not missed unnoticed.
READ: Final = b"""
local how, key = ARGV[1], ARGV[2]
local function text(score) return score and string.format('%.0f', tonumber(score)) end
if how == 'latest' then
  key = text(redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2])
  local last = redis.call('ZREVRANGE', KEYS[3], 0, 0)[1]
  if key ~= last then return {key or last, false, false} end
elseif how == 'time' then
  key = redis.call('ZREVRANGEBYSCORE', KEYS[3], key, '-inf', 'LIMIT', 0, 1)[1]
elseif how == 'label' then
  local most, least = '(' .. key .. '\\1', '[' .. key .. '\\0'
  local member = redis.call('ZREVRANGEBYLEX', KEYS[4], most, least, 'LIMIT', 0, 1)[1]
  key = member and text(string.sub(member, -16))
end
if not key then return {} end
local row = redis.call('ZRANGEBYSCORE', KEYS[1], key, key)[1]
if not row and how == 'revision' then return {} end
return {key, row or false, redis.call('HGET', KEYS[2], key)}
"""

# KEYS: rows, times. ARGV: the greatest revision, limit. Returns row and revision, in turn; nothing but false
# if the newest version is not the one that the times have.
ROWS: Final = b"""
local found = redis.call('ZREVRANGEBYSCORE', KEYS[1], ARGV[1], '-inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2])
if ARGV[1] == '+inf' then
  local last = redis.call('ZREVRANGE', KEYS[2], 0, 0)[1]
  if tonumber(found[2]) ~= tonumber(last) then return {false} end
end
return found
"""

# KEYS: ids. ARGV: range of ids, limit, prefix of the keys of rows. Returns id, row, revision, in turn.
HEADS: Final = b"""
local results = {}
for _, id in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], '+', 'LIMIT', 0, ARGV[2])) do
  results[#results + 1] = id
  local newest = redis.call('ZREVRANGE', ARGV[3] .. id, 0, 0, 'WITHSCORES')
  results[#results + 1] = newest[1] or false
  results[#results + 1] = newest[2] or false
end
return results
"""

# KEYS: rows, bodies, times, labels, holds. ARGV: for each version its revision and its member of labels.
REMOVE: Final = b"""
local newest = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local removed = 0
for i = 1, #ARGV, 2 do
  local revision = ARGV[i]
  if tonumber(revision) ~= tonumber(newest[2] or 0) and redis.call('HEXISTS', KEYS[5], revision) == 0 then
    removed = removed + redis.call('ZREMRANGEBYSCORE', KEYS[1], revision, revision)
    redis.call('HDEL', KEYS[2], revision)
    redis.call('ZREM', KEYS[3], revision)
    redis.call('ZREM', KEYS[4], ARGV[i + 1])
  end
end
return removed
"""

# KEYS: snapshots, the snapshot, and for each item rows, holds. ARGV: name, created_us, about, items, then
# the revision of each item. Returns -1 if the name is taken, else the places of the items not there.
PUT_SNAPSHOT: Final = b"""
if redis.call('EXISTS', KEYS[2]) == 1 then return -1 end
local missing = {}
for i = 5, #ARGV do
  if redis.call('ZCOUNT', KEYS[2 * i - 7], ARGV[i], ARGV[i]) == 0 then missing[#missing + 1] = i - 5 end
end
if #missing > 0 then return missing end
for i = 5, #ARGV do redis.call('HINCRBY', KEYS[2 * i - 6], ARGV[i], 1) end
redis.call('HSET', KEYS[2], 'created_us', ARGV[2], 'about', ARGV[3], 'items', ARGV[4])
redis.call('ZADD', KEYS[1], 0, ARGV[1])
return missing
"""

# KEYS: snapshots, the snapshot, and for each item holds. ARGV: name, items, then each item's revision.
# Returns 1 if it is gone now, 0 if there was none, -1 if it is another one than the items say.
DROP_SNAPSHOT: Final = b"""
local items = redis.call('HGET', KEYS[2], 'items')
if not items then return 0 end
if items ~= ARGV[2] then return -1 end
for i = 3, #ARGV do
  if redis.call('HINCRBY', KEYS[i], ARGV[i], -1) <= 0 then redis.call('HDEL', KEYS[i], ARGV[i]) end
end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2])
return 1
"""

# KEYS: snapshots. ARGV: range of names, limit, prefix of their keys. Returns name, created_us, about, ...
SNAPSHOTS: Final = b"""
local results = {}
for _, name in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], '+', 'LIMIT', 0, ARGV[2])) do
  local found = redis.call('HMGET', ARGV[3] .. name, 'created_us', 'about')
  results[#results + 1] = name
  results[#results + 1] = found[1]
  results[#results + 1] = found[2]
end
return results
"""

# KEYS: rows, bodies, times, labels. Returns how many of each there are.
COUNTS: Final = b"""
return {redis.call('ZCARD', KEYS[1]), redis.call('HLEN', KEYS[2]), redis.call('ZCARD', KEYS[3])}
"""
