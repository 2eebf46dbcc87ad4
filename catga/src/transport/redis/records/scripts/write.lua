#!lua flags=allow-oom
-- Writes a record if it has the expected version. A record is "VERSION VALUE".
-- KEYS: the records, the version, the members by time (only for a member).
-- ARGV: the name, the expected version ('' for no record), the value, the channel, the kind.
local time = redis.call('TIME')
local last = redis.call('GET', KEYS[2]) or '0'
local found = redis.call('HGET', KEYS[1], ARGV[1])
if (found and string.match(found, '^%d+') or '') ~= ARGV[2] then
    return { time[1], time[2], last, false }
end
-- Rises with the clock, too: what was given out before a server lost its last writes, or all of
-- them, is not given out again.
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local version = string.format('%.0f', math.max(tonumber(last) + 1, now))
redis.call('SET', KEYS[2], version)
redis.call('HSET', KEYS[1], ARGV[1], version .. ' ' .. ARGV[3])
if KEYS[3] then
    redis.call('ZADD', KEYS[3], time[1], ARGV[1])
end
redis.call('PUBLISH', ARGV[4], table.concat({ last, version, 'put', ARGV[5], ARGV[1], ARGV[3] }, ' '))
return { time[1], time[2], version, version }
