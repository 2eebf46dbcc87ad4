#!lua flags=allow-oom
-- Removes a record if it has the expected version.
-- KEYS: the records, the version, the members by time (only for a member).
-- ARGV: the name, the expected version, the channel, the kind.
local time = redis.call('TIME')
local last = redis.call('GET', KEYS[2]) or '0'
local found = redis.call('HGET', KEYS[1], ARGV[1])
if not found or string.match(found, '^%d+') ~= ARGV[2] then
    return { time[1], time[2], last, false }
end
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local version = string.format('%.0f', math.max(tonumber(last) + 1, now))
redis.call('SET', KEYS[2], version)
redis.call('HDEL', KEYS[1], ARGV[1])
if KEYS[3] then
    redis.call('ZREM', KEYS[3], ARGV[1])
end
redis.call('PUBLISH', ARGV[3], table.concat({ last, version, 'gone', ARGV[4], ARGV[1] }, ' '))
return { time[1], time[2], version, version }
